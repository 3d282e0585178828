//! `mnist watch` without a terminal: what is seen after a step, and runs that can't be watched.

use std::fs;

use super::common::run;
use super::sandbox;

#[test]
fn a_step_can_be_printed() {
    let sandbox = sandbox();
    let text = sandbox.ok("watch run --at 7");
    assert!(text.starts_with("epoch 1/2, step 7/30, batch loss "), "{text}");
    assert!(text.contains("the minibatch's first 5 of 100 images"), "{text}");
    let last = sandbox.ok("watch run --at 30");
    assert!(last.starts_with("epoch 2/2, step 30/30"), "{last}");
    assert!(last.contains("validation accuracy"), "{last}");
    let start = sandbox.ok("watch run --at 0");
    assert!(start.starts_with("epoch 1/2, step 0/30\n"), "{start}");
    for columns in ["20", "80", "160"] {
        let text = run(sandbox.command(["watch", "run", "--at", "3"]).env("COLUMNS", columns)).ok();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{columns}: {widest}\n{text}");
    }
}

#[test]
fn runs_that_can_t_be_watched_are_refused() {
    let sandbox = sandbox();
    sandbox.refused("watch run", 2, &["needs a terminal", "--at"]);
    sandbox.refused("watch run --at 31", 2, &["30 steps"]);
    sandbox.refused("watch nowhere --at 1", 4, &["nowhere", "is no folder"]);
    sandbox.refused("watch data --at 1", 4, &["data", "has no config.json"]);
    sandbox.refused("watch run --data nowhere --at 1", 4, &["nowhere"]);
    super::common::write_digits(&sandbox.path("other"), 1000, 10);
    sandbox.refused("watch run --data other --at 1", 6, &["another SHA-256 than other", "--data"]);
    fs::write(sandbox.path("run/config.json"), "{\"config\": 1}").unwrap();
    sandbox.refused("watch run --at 1", 3, &["config.json"]);
    fs::write(sandbox.path("run/config.json"), [0xff, 0xfe]).unwrap();
    sandbox.refused("watch run --at 1", 3, &["config.json: not the settings of a run"]);
    let sandbox = super::sandbox();
    fs::remove_file(sandbox.path("run/model.safetensors")).unwrap();
    sandbox.refused("watch run --at 1", 4, &["model.safetensors"]);
}
