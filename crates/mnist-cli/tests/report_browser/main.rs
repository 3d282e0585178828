//! The report in a real browser: chromium, opened from disk.
//!
//! Runs where `MNIST_BROWSER` is set and Debian's `chromium` and `chromium-driver` are installed; elsewhere
//! it says what is lacking. With `MNIST_DATA` the report is MNIST's, else that of the synthetic digits.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

#[path = "../common/mod.rs"]
mod common;
mod webdriver;

use std::thread;
use std::time::Duration;

use common::{Sandbox, mnist, run};
use kernels::Isa;
use model::explain::Explanation;
use model::prepare::{Grey, prepare};
use model::{Classifier, DataSets, Model};
use serde_json::{Value, json};
use webdriver::{Browser, lacking};

/// Images whose probabilities are compared.
const COMPARED: usize = 1_000;

/// WebDriver's names of keys.
const LEFT: &str = "\u{e012}";
const UP: &str = "\u{e013}";
const RIGHT: &str = "\u{e014}";
const DOWN: &str = "\u{e015}";

#[test]
fn the_report_works_in_a_browser() {
    if let Some(what) = lacking() {
        eprintln!("skipped: {what}");
        return;
    }
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["train", "--quiet", "--out", "run"]);
    let sets = match mnist() {
        Some(folder) => {
            run(command.arg("--data").arg(&folder)).ok();
            DataSets::read(&folder, 10).unwrap()
        }
        None => {
            run(command.args(["--dataset", "synthetic"])).ok();
            DataSets::synthetic().unwrap()
        }
    };
    let model = Model::read(&sandbox.path("run/model.safetensors")).unwrap();

    let browser = Browser::start();
    browser.open(&format!("file://{}", sandbox.path("run/report.html").display()));
    nothing_was_asked_of_anyone(&browser);
    probabilities_are_the_programs(&browser, &sets, &model);
    margins_are_the_programs(&browser, &sets, &model);
    drawings_are_prepared_as_by_the_program(&browser);
    a_seven_is_a_seven(&browser);
    keys_draw_too(&browser);
    cells_show_their_images(&browser);
    curves_and_slider_answer_to_keys(&browser);
    it_fits_a_phone(&browser);
    nothing_was_asked_of_anyone(&browser);
}

/// No error in the console, no request but for the page itself.
fn nothing_was_asked_of_anyone(browser: &Browser) {
    assert_eq!(browser.log("browser"), Vec::<Value>::new());
    let resources = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
    assert_eq!(browser.script(resources, &json!([])), json!([]));
    for entry in browser.log("performance") {
        let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let message = &message["message"];
        if message["method"] == "Network.requestWillBeSent" {
            let url = message["params"]["request"]["url"].as_str().unwrap();
            let is_page = url.starts_with("file:") && url.ends_with("/run/report.html");
            assert!(is_page || url.starts_with("data:"), "asked for {url}");
        }
    }
}

/// The features of image `i` as the file has them.
fn pixels(sets: &DataSets, i: usize) -> Vec<f32> {
    let mut pixels = vec![0.0; sets.test.features()];
    sets.test.images().unpack(i, &mut pixels);
    pixels
}

fn probabilities_are_the_programs(browser: &Browser, sets: &DataSets, model: &Model) {
    let classifier = Classifier::new(Isa::detect(), &model.parameters, &sets.test);
    let expected = classifier.predict(&sets.test, 0..COMPARED).unwrap();
    let images: Vec<Vec<u8>> =
        (0..COMPARED).map(|i| pixels(sets, i).iter().map(|&x| x as u8).collect()).collect();
    let body = "return arguments[0].map((x) => [...mnist.probabilities(x)])";
    let found = browser.script(body, &json!([images]));
    let mut largest: f64 = 0.0;
    for (i, expected) in expected.iter().enumerate() {
        for (class, &p) in expected.probabilities.iter().enumerate() {
            largest = largest.max((found[i][class].as_f64().unwrap() - f64::from(p)).abs());
        }
    }
    println!("probabilities of {COMPARED} images differ by {largest:e} at most");
    assert!(largest < 1e-5, "{largest:e}");
}

/// To the last digit, for every image in the page.
fn margins_are_the_programs(browser: &Browser, sets: &DataSets, model: &Model) {
    let body = "return mnist.images.map(({ index, label, predicted, pixels }) => {
        const other = label === predicted ? (label + 1) % mnist.classes.length : label;
        const { margin, sum, bias, shares } = mnist.explain(pixels, predicted, other);
        const again = shares.reduce((a, b) => a + b, 0) + bias;
        return [index, predicted, other, String(margin), String(sum + bias), String(again)];
    })";
    let found = browser.script(body, &json!([]));
    let found = found.as_array().unwrap();
    assert!(found.len() > 10);
    for row in found {
        let n = |at: usize| row[at].as_u64().unwrap();
        let (i, class, other) = (n(0) as usize, n(1) as u32, n(2) as u32);
        let expected = Explanation::of(&model.parameters, &sets.test, i, class, other).margin;
        for text in 3..6 {
            let text = row[text].as_str().unwrap();
            assert_eq!(
                text.parse::<f64>().unwrap().to_bits(),
                expected.to_bits(),
                "image {i}: {text}"
            );
        }
    }
}

fn drawings_are_prepared_as_by_the_program(browser: &Browser) {
    let side = 280;
    // Bars of several places and lengths; their ink ends before the border.
    for (top, left, tall, wide) in
        [(20, 130, 230, 25), (100, 9, 30, 200), (3, 3, 9, 7), (60, 60, 160, 160)]
    {
        let mut picture = vec![0u8; side * side];
        for y in top..top + tall {
            for x in left..left + wide {
                picture[y * side + x] = if (x * y) % 3 == 0 { 255 } else { 90 + (x % 100) as u8 };
            }
        }
        let expected = prepare(Grey::new(&picture, (side, side)), (28, 28)).unwrap().pixels;
        let body = "return [...mnist.prepared({ ink: arguments[0], height: 280, width: 280 })]";
        assert_eq!(browser.script(body, &json!([picture])), json!(expected));
    }
}

/// What the pad says.
fn verdict(browser: &Browser) -> String {
    // Drawing is shown with the next frame.
    thread::sleep(Duration::from_millis(150));
    let text = browser.script("return document.querySelector('.verdict').textContent", &json!([]));
    text.as_str().unwrap().to_owned()
}

/// Draws a line through points on the pad, counted from its middle in hundredths of its height.
fn draw(browser: &Browser, points: &[(i32, i32)]) {
    let pad = browser.element(".sheet");
    browser.script(
        "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })",
        &json!([pad]),
    );
    let size = browser.script("return arguments[0].getBoundingClientRect().height", &json!([pad]));
    let scale = size.as_f64().unwrap() / 100.0;
    let at = |&(x, y): &(i32, i32), duration: u32| {
        let pixel = |part: i32| (f64::from(part) * scale) as i32;
        json!({ "type": "pointerMove", "duration": duration, "x": pixel(x), "y": pixel(y), "origin": pad })
    };
    let mut actions = vec![at(&points[0], 0), json!({ "type": "pointerDown", "button": 0 })];
    actions.extend(points[1..].iter().map(|point| at(point, 60)));
    actions.push(json!({ "type": "pointerUp", "button": 0 }));
    browser.perform(&json!([{
        "type": "pointer", "id": "pen", "parameters": { "pointerType": "mouse" }, "actions": actions,
    }]));
}

fn a_seven_is_a_seven(browser: &Browser) {
    assert_eq!(verdict(browser), "Nothing drawn yet.");
    let seven = [(-25, -30), (0, -31), (24, -30), (14, -10), (4, 12), (-5, 35)];
    draw(browser, &seven);
    assert!(verdict(browser).starts_with("Taken for 7 ("), "{}", verdict(browser));
    let bars =
        browser.script("return document.querySelectorAll('.bars .is-best').length", &json!([]));
    assert_eq!(bars, 1);
    // The same in a corner and small: prepared it is a seven there too.
    browser.click("#clear");
    assert_eq!(verdict(browser), "Nothing drawn yet.");
    let small: Vec<(i32, i32)> = seven.iter().map(|(x, y)| (x / 2 - 25, y / 2 - 25)).collect();
    draw(browser, &small);
    assert!(verdict(browser).starts_with("Taken for 7 ("), "{}", verdict(browser));
    // Without preparation the model gets to see something else.
    let prepared = verdict(browser);
    browser.click(".switch input");
    assert_ne!(verdict(browser), prepared);
    browser.click(".switch input");
    assert_eq!(verdict(browser), prepared);
    browser.click("#clear");
}

fn keys_draw_too(browser: &Browser) {
    browser.script("document.querySelector('.sheet').focus()", &json!([]));
    browser.keys(&[" "]);
    browser.keys(&[DOWN; 16]);
    assert!(verdict(browser).starts_with("Taken for 1 ("), "{}", verdict(browser));
    browser.keys(&["\u{e017}"]);
    assert_eq!(verdict(browser), "Nothing drawn yet.");
}

fn cells_show_their_images(browser: &Browser) {
    let confusion = browser.script("return mnist.data.confusion", &json!([]));
    let count = |cell: usize| confusion[cell].as_u64().unwrap();
    let shown = || {
        let body = "return [document.querySelectorAll('.thumbs li').length,
            document.querySelector('#gallery h3').textContent]";
        browser.script(body, &json!([]))
    };
    // With the mouse: the most frequent mistake, and a right one.
    let worst =
        (0..100).filter(|cell| cell / 10 != cell % 10).max_by_key(|&cell| count(cell)).unwrap();
    for cell in [worst, 77] {
        browser.click(&format!("[data-cell='{},{}']", cell / 10, cell % 10));
        let expected = if cell == worst { count(cell) } else { count(cell).min(25) };
        let (shown, n) = (shown(), count(cell));
        assert_eq!(shown[0], expected, "cell {cell}");
        assert!(shown[1].as_str().unwrap().ends_with(&format!(": {n}")), "{shown}");
        let why = browser
            .script("return document.querySelectorAll('#gallery .why canvas').length", &json!([]));
        assert_eq!(why, 2);
    }
    // All of them.
    let body = "return [...document.querySelectorAll('#matrix button')].map((button) => {
        button.click();
        return document.querySelectorAll('.thumbs li').length;
    })";
    let all = browser.script(body, &json!([]));
    for cell in 0..100 {
        let is_right = cell / 10 == cell % 10;
        let expected = if is_right { count(cell).min(25) } else { count(cell) };
        assert_eq!(all[cell], expected, "cell {cell}");
    }
    // With keys: to the right and down, then chosen.
    browser.script("document.querySelector(\"[data-cell='2,3']\").click()", &json!([]));
    browser.script("document.querySelector(\"[data-cell='2,3']\").focus()", &json!([]));
    browser.keys(&[RIGHT, DOWN, LEFT, UP, RIGHT, DOWN, "\u{e007}"]);
    let pressed = "return document.querySelector('#matrix [aria-pressed=true]').dataset.cell";
    assert_eq!(browser.script(pressed, &json!([])), "3,4");
}

fn curves_and_slider_answer_to_keys(browser: &Browser) {
    let reading = "return document.querySelector('#reading').textContent";
    browser.script("document.querySelector('.chart svg').focus()", &json!([]));
    browser.keys(&["\u{e011}"]);
    let first = browser.script(reading, &json!([]));
    assert!(first.as_str().unwrap().starts_with("Step 1 of "), "{first}");
    browser.keys(&[RIGHT]);
    assert_ne!(browser.script(reading, &json!([])), first);

    browser.script("document.querySelector('.slider input').focus()", &json!([]));
    browser.keys(&["\u{e011}"]);
    let moment = "return document.querySelector('.slider output').textContent";
    assert_eq!(browser.script(moment, &json!([])), "Before the first step");
    browser.keys(&["\u{e010}"]);
    assert_eq!(browser.script(moment, &json!([])), "The end of training");
}

fn it_fits_a_phone(browser: &Browser) {
    let phone = json!({
        "cmd": "Emulation.setDeviceMetricsOverride",
        "params": { "width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": true },
    });
    browser.command("goog/cdp/execute", &phone);
    let widths = "return [document.documentElement.scrollWidth, innerWidth]";
    assert_eq!(browser.script(widths, &json!([])), json!([360, 360]));
}
