//! `mnist gradcheck`: right gradients pass, wrong ones do not.

use super::common::{run, write_digits};
use super::sandbox;

#[test]
fn every_gradient_is_right() {
    let sandbox = sandbox();
    let text = sandbox.ok("gradcheck --data data --batch-size 30");
    assert!(text.contains("7850") && !text.contains("WRONG"), "{text}");
    for name in ["the formula, f64", "the definition, f32", "a step, portable"] {
        assert!(text.contains(&format!("{name}: right")), "{text}");
    }
    let text = sandbox.ok("gradcheck --data data --batch-size 1 --seed 5 --init-std 0.5 --json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["parameters"], &value["images"]), (&7850.into(), &1.into()));
    for gradient in value["gradients"].as_array().unwrap() {
        assert_eq!(gradient["right"], true, "{gradient}");
        let error = gradient["max_relative_error"].as_f64().unwrap();
        assert!(error > 0.0 && error < 1e-3, "{gradient}");
    }
    // In f64 alone, the difference's own error is all there is.
    let formula = &value["gradients"][0];
    assert!(formula["max_relative_error"].as_f64().unwrap() < 1e-5, "{formula}");
}

#[test]
fn what_is_forgotten_is_found() {
    let sandbox = sandbox();
    for forget in ["mean", "label", "scale"] {
        let found =
            sandbox.run(&format!("gradcheck --data data --batch-size 20 --forget {forget}"));
        found.failed(1, &["not the slope of the loss", "--forget"]);
        assert!(found.stdout.contains("the formula, f64: WRONG"), "{found:?}");
    }
    // A tolerance that only exactness would meet is not met.
    sandbox
        .run("gradcheck --data data --tolerance 0")
        .failed(1, &["tolerance 0e0", "; that may be rounding"]);
    sandbox.refused("gradcheck --data data --tolerance=-1", 2, &["--tolerance"]);
    sandbox.refused("gradcheck --data data --batch-size 0", 2, &["--batch-size"]);
    sandbox.refused("gradcheck --data data --batch-size 2001", 2, &["1 to 2000"]);
    sandbox.refused("gradcheck --data data --init-std 0", 2, &["--init-std"]);
    sandbox.refused("gradcheck --data data --classes 5", 3, &["label", "--classes"]);
    sandbox.refused("gradcheck --data nowhere", 4, &["nowhere"]);
}

#[test]
fn it_is_narrow_where_the_terminal_is() {
    let sandbox = sandbox();
    write_digits(&sandbox.path("few"), 10, 1);
    let words = ["gradcheck", "--data", "few", "--batch-size", "2"];
    let text = run(sandbox.command(words).env("COLUMNS", "30")).ok();
    assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
}
