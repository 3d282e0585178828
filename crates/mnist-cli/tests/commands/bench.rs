//! `mnist bench`: every rung is there, and its figures belong together.

use super::common::{Sandbox, run};

#[test]
fn the_figures_of_a_rung_agree() {
    let sandbox = Sandbox::new();
    let text = sandbox.ok("bench --seconds 1 --json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let peak = value["peak_gflops"].as_object().unwrap();
    let peak = peak.values().map(|peak| peak.as_f64().unwrap()).fold(0.0, f64::max);
    assert!(peak > 0.01, "{text}");
    for (part, flops) in [("forward", 1.568e6), ("step", 3.136e6)] {
        let rungs = value[part].as_array().unwrap();
        let names: Vec<&str> = rungs.iter().map(|rung| rung["name"].as_str().unwrap()).collect();
        assert_eq!(names[0], "three plain loops");
        assert!(names.contains(&"matrixmultiply"), "{names:?}");
        assert!(names.iter().any(|name| name.ends_with("portable")), "{names:?}");
        for rung in rungs {
            let of = |name: &str| rung[name].as_f64().unwrap();
            let seconds = of("microseconds") / 1e6;
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
            assert!(seconds > 1e-7 && close(of("gflops"), flops / seconds / 1e9), "{rung}");
            assert!(close(of("images_per_second"), 100.0 / seconds), "{rung}");
            assert!(close(of("share_of_peak"), of("gflops") / peak), "{rung}");
        }
    }
}

#[test]
fn the_ladder_fits_the_terminal() {
    let sandbox = Sandbox::new();
    for columns in ["20", "80"] {
        let words = ["bench", "--seconds", "1"];
        let text = run(sandbox.command(words).env("COLUMNS", columns)).ok();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{columns}: {widest}\n{text}");
        assert!(text.is_ascii(), "{text}");
    }
    sandbox.run("bench --seconds 0").usage("--seconds");
}
