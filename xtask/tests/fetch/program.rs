//! The program itself: arguments, exit codes, what it prints, and being killed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use xtask::fetch::dataset;

use crate::server::Server;
use crate::together::wait_for;

fn program(args: &[&str], to: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.args(["fetch-data", "--to"]).arg(to).args(args).stdin(Stdio::null());
    command
}

#[track_caller]
fn check(output: Output, code: i32, parts: &[&str]) {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty(), "it is all said on stderr");
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn exit_codes() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("to");
    let run = |args: &[&str]| program(args, &to).output().unwrap();
    check(run(&["--dataset", "emnist"]), 2, &["fashion-mnist", "kmnist"]);
    check(run(&["--from", "ftp://mirror.example/"]), 2, &["--from ftp://mirror.example/"]);
    check(run(&["--from", "no/such/folder"]), 4, &["no/such/folder"]);
    check(run(&["--from", env!("CARGO_MANIFEST_DIR")]), 4, &["train-images-idx3-ubyte.gz"]);

    let gone = Server::start(|_, answer| answer.status("404 Not Found"));
    let parts = ["CC BY-SA 3.0", "404 Not Found", "cargo xtask fetch-data --to "];
    check(run(&["--from", gone.base()]), 5, &parts);
    let page = Server::good(b"<html>hello</html>".to_vec());
    check(run(&["--from", page.base()]), 6, &["HTML page", &dataset::mnist().files[0].gz_sha256]);
    let with_password = page.base().replace("http://", "http://me:secret@");
    let output = run(&["--from", &with_password, "--dataset", "kmnist"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
    check(output, 6, &["HTML page", "cargo xtask fetch-data --dataset kmnist --to ", "--force"]);
}

#[test]
fn a_bad_proxy_is_named_and_its_password_is_not() {
    let dir = TempDir::new().unwrap();
    let server = Server::good(Vec::new());
    let mut command = program(&["--from", server.base()], dir.path());
    let output = command.env("HTTPS_PROXY", "http://me:secret@:::x").output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
    check(output, 5, &["$HTTPS_PROXY"]);
    assert_eq!(server.n_seen(), 0);

    // A proxy that is an address is used, and says no.
    let proxy = Server::start(|_, answer| answer.status("407 Proxy Authentication Required"));
    let mut command = program(&["--from", "http://mirror.example/"], dir.path());
    let output = command.env("HTTP_PROXY", proxy.base()).env_remove("NO_PROXY").output().unwrap();
    let address = proxy.base().trim_start_matches("http://").trim_end_matches('/');
    check(output, 5, &["mirror.example", &format!("(proxy {address})")]);
    assert!(proxy.n_seen() > 0);
}

/// The four files of MNIST, unpacked or not, from a folder of this machine.
#[test]
fn from_a_folder() {
    let Some(mnist) = std::env::var_os("MNIST_DATA").filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: MNIST_DATA does not name the folder of MNIST");
        return;
    };
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("data");
    let from = Path::new(&mnist).to_str().unwrap();
    check(program(&["--from", from], &to).output().unwrap(), 0, &["4 files verified"]);
    for file in dataset::mnist().files {
        assert!(to.join(&file.name).is_file());
    }
    assert!(to.join("dataset.json").is_file());
    check(program(&[], &to).output().unwrap(), 0, &["4 files verified"]);
    // A copy of it with one byte changed is refused, and what is there stays.
    let bad = dir.path().join("bad");
    fs::create_dir(&bad).unwrap();
    let name = &dataset::mnist().files[3].name;
    let mut bytes = fs::read(to.join(name)).unwrap();
    bytes[2000] ^= 1;
    fs::write(bad.join(name), &bytes).unwrap();
    for file in &dataset::mnist().files[..3] {
        fs::copy(to.join(&file.name), bad.join(&file.name)).unwrap();
    }
    let run = program(&["--force", "--from", bad.to_str().unwrap()], &to).output().unwrap();
    check(run, 6, &[name, "expected: 4542 bytes", "Nothing was put in its place"]);
    assert_ne!(fs::read(to.join(name)).unwrap(), bytes);
}

#[test]
fn help_teaches() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["fetch-data", "--help"]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    for part in ["--from <DIR|URL>", "Cursive Japanese", "Examples:", "6 a checksum", "HTTPS_PROXY"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn killed_in_the_middle_and_run_again() {
    let dir = TempDir::new().unwrap();
    let name = &dataset::mnist().files[0].name;
    let n_bytes = dataset::mnist().files[0].gz_bytes as usize;
    let wrong = vec![0; n_bytes];
    let server = Server::start(move |seen, answer| match (seen.number, seen.from) {
        (0, _) => {
            answer.cut(&wrong, 300_000);
            answer.be_silent(Duration::from_secs(20));
        }
        (_, Some(from)) => answer.partial(&wrong, from),
        (_, None) => answer.ok(&wrong),
    });
    let mut run = program(&["--from", server.base()], dir.path());
    let mut child = run.stderr(Stdio::null()).spawn().unwrap();
    let part = dir.path().join(format!("{name}.part"));
    wait_for(|| fs::metadata(&part).is_ok_and(|m| m.len() == 300_000));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!dir.path().join(name).exists());

    // The second run resumes, finds the whole wrong, begins again, and still names nothing.
    check(run.stderr(Stdio::piped()).output().unwrap(), 6, &["got 9912422 bytes"]);
    let froms: Vec<_> = server.seen().iter().map(|seen| seen.from).collect();
    assert_eq!(froms, [None, Some(300_000), None]);
    assert!(!dir.path().join(name).exists());
    assert!(!part.exists());
}

/// A full disk, by the shell's limit on the size of files: the next best thing to a real one.
#[cfg(unix)]
#[test]
fn no_room_on_the_disk() {
    let dir = TempDir::new().unwrap();
    let wrong = vec![0; 9_912_422];
    let server = Server::good(wrong);
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" fetch-data --from \"$1\" --to \"$2\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_xtask"), server.base()])
        .arg(dir.path())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env_remove("ALL_PROXY")
        .env_remove("all_proxy")
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .output()
        .unwrap();
    check(output, 4, &["cannot write", ".part"]);
    assert_eq!(server.n_seen(), 1, "a full disk is no reason to ask again");
}
