//! A browser under remote control: chromium through chromedriver, by the few WebDriver commands that the
//! tests need, in plain HTTP to this machine. Every wait has an end, and nothing is left running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";

/// The longest that one command may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A session of the browser; it ends when this is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    browser_id: Option<u64>,
}

/// What keeps the tests of this file from running here, if anything does.
pub fn lacking() -> Option<String> {
    if std::env::var_os("MNIST_BROWSER").is_none_or(|value| value.is_empty()) {
        return Some("MNIST_BROWSER is not set".to_owned());
    }
    let missing = [DRIVER, BROWSER].into_iter().find(|path| !std::path::Path::new(path).exists());
    missing.map(|path| format!("{path} is not there"))
}

impl Browser {
    /// Starts a browser without a window.
    pub fn start() -> Self {
        let mut driver = Command::new(DRIVER)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = driver.stdout.take().unwrap();
        // From here on dropping it ends the driver, whatever happens.
        let mut browser = Self { driver, port: 0, session: String::new(), browser_id: None };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            // Reads on to the end, so that the driver never waits for its pipe.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let port = line.split("on port ").nth(1).and_then(|rest| {
                    rest.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u16>().ok()
                });
                if let Some(port) = port.filter(|&port| port > 0) {
                    let _ = tell.send(port);
                }
            }
        });
        browser.port = told.recv_timeout(PATIENCE).expect("chromedriver names its port");
        let options = json!({
            "binary": BROWSER,
            "args": [
                "--headless=new", "--force-prefers-reduced-motion", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--no-first-run", "--window-size=1280,1000",
            ],
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "script": 30_000, "pageLoad": 30_000 },
        } } });
        let session = browser.request("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser.browser_id = session["capabilities"]["goog:processID"].as_u64();
        browser
    }

    /// A command of this session; the value of its answer.
    #[track_caller]
    pub fn command(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("/session/{}/{path}", self.session), body)
    }

    pub fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// What a function with this body returns; its arguments are `arguments[0]` and so on.
    #[track_caller]
    pub fn script(&self, body: &str, arguments: &Value) -> Value {
        self.command("execute/sync", &json!({ "script": body, "args": arguments }))
    }

    /// The only element that matches a selector.
    #[track_caller]
    pub fn element(&self, selector: &str) -> Value {
        self.command("element", &json!({ "using": "css selector", "value": selector }))
    }

    /// Clicks in the middle of an element, as a person with a mouse does.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.script(
            "arguments[0].scrollIntoView({ block: 'center' })",
            &json!([self.element(selector)]),
        );
        self.perform(&json!([{
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" },
            "actions": [
                { "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": self.element(selector) },
                { "type": "pointerDown", "button": 0 }, { "type": "pointerUp", "button": 0 },
            ],
        }]));
    }

    /// Presses keys one after the other.
    #[track_caller]
    pub fn keys(&self, keys: &[&str]) {
        let actions = keys.iter().flat_map(|key| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        });
        let actions: Vec<Value> = actions.collect();
        self.perform(&json!([{ "type": "key", "id": "keys", "actions": actions }]));
    }

    #[track_caller]
    pub fn perform(&self, actions: &Value) {
        self.command("actions", &json!({ "actions": actions }));
    }

    /// What the browser has logged since it was last asked; `browser` is the console.
    #[track_caller]
    pub fn log(&self, kind: &str) -> Vec<Value> {
        self.command("se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// Sends a request; the value of the answer, which must be no error.
    #[track_caller]
    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, value) = self.try_request(method, path, body).unwrap();
        assert_eq!(status, 200, "{method} {path}: {value}");
        value
    }

    fn try_request(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut n_bytes = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                n_bytes = value.trim().parse().unwrap_or(0);
            }
        }
        let mut answer = vec![0; n_bytes];
        reader.read_exact(&mut answer)?;
        let answer: Value = serde_json::from_slice(&answer)?;
        Ok((status, answer["value"].clone()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.try_request("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        // If it did not go by itself; of what it started, everything ends with it.
        if let Some(id) = self.browser_id {
            let kill = Command::new("kill")
                .args(["-KILL", &id.to_string()])
                .stderr(Stdio::null())
                .status();
            let _ = kill;
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
