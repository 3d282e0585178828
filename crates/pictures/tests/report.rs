//! The report as a file: the same bytes for the same run, nothing fetched, nothing that breaks out.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fmt::Write;

use pictures::reliability::bins;
use pictures::report::{
    Curves, EpochPoint, Facts, Figure, Images, Model, Report, Snapshot, StepPoint, Tests, shown,
};
use sha2::{Digest, Sha256};

/// SHA-256 of the data of `small()`.
const GOLDEN: &str = "3fe249bcc6f964fc639885be39286d0dedb31b770b4b23dd9aaf9fe8a61b0ca5";

/// A name that would end the script, the title or an attribute, if it could.
const EVIL: &str = "</script><script>alert(1)</script><!--\"'&";

const SIDE: usize = 4;

/// What a report of a few small images is made of.
struct Parts {
    classes: Vec<String>,
    image: Option<(usize, usize)>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    labels: Vec<u32>,
    predicted: Vec<u32>,
    confidence: Vec<f32>,
    snapshots: Vec<Snapshot>,
    curves: Option<Curves>,
}

impl Parts {
    fn new(classes: usize, images: usize) -> Self {
        let features = SIDE * SIDE;
        // Sixteenths are exact, so that nothing here depends on a rounding.
        let weights: Vec<f32> =
            (0..features * classes).map(|i| (i * 37 % 65) as f32 / 16.0 - 2.0).collect();
        let labels: Vec<u32> = (0..images).map(|i| (i % classes) as u32).collect();
        let predicted = (0..images).map(|i| if i % 5 == 0 { 0 } else { labels[i] }).collect();
        Self {
            classes: (0..classes).map(|c| c.to_string()).collect(),
            image: Some((SIDE, SIDE)),
            bias: (0..classes).map(|c| c as f32 / 8.0).collect(),
            confidence: (0..images).map(|i| (i % 17) as f32 / 16.0).collect(),
            snapshots: vec![
                Snapshot { step: 0, epoch: None, weights: vec![0.0; weights.len()] },
                Snapshot { step: 9, epoch: Some(1), weights: weights.clone() },
            ],
            curves: Some(Curves {
                steps: vec![StepPoint { step: 1, loss: 2.25, accuracy: 0.125 }],
                epochs: vec![EpochPoint {
                    epoch: 1,
                    step: 9,
                    loss: 1.5,
                    accuracy: 0.5,
                    seconds: 0.25,
                }],
            }),
            weights,
            labels,
            predicted,
        }
    }

    fn render(&self, title: &str, images: Images<'_>) -> String {
        let figure = Figure {
            name: "Test".into(),
            value: "50 %".into(),
            small: title.into(),
            interval: Some((0.25, 0.5, 0.75)),
        };
        let rows = vec![("seed".into(), "0".into()), ("path".into(), title.into())];
        let report = Report {
            title,
            lead: title,
            headline: vec![figure],
            facts: vec![Facts { name: "Settings".into(), rows }],
            model: Model {
                classes: &self.classes,
                image: self.image,
                weights: &self.weights,
                bias: &self.bias,
                scale: 1.0 / 255.0,
            },
            tests: Tests {
                labels: &self.labels,
                predicted: &self.predicted,
                confidence: &self.confidence,
                images,
            },
            curves: self.curves.clone(),
            snapshots: &self.snapshots,
            left_out: vec![],
        };
        report.render().unwrap()
    }

    /// Pixels of the images that are shown: a dot that wanders.
    fn pixels(&self) -> Vec<u8> {
        let shown = shown(self.classes.len(), &self.labels, &self.predicted);
        let dot = |i: usize| (0..SIDE * SIDE).map(move |p| if p == i % 16 { 200 } else { 0 });
        shown.into_iter().flat_map(dot).collect()
    }

    fn page(&self, title: &str) -> String {
        self.render(title, Images::U8(&self.pixels()))
    }
}

/// The JSON in a page, and what it says.
fn data(page: &str) -> (&str, serde_json::Value) {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    (json, serde_json::from_str(json).unwrap())
}

#[test]
fn the_same_report_is_the_same_bytes() {
    let page = Parts::new(3, 40).page("small");
    assert_eq!(page, Parts::new(3, 40).page("small"));
    let hash = Sha256::digest(data(&page).0);
    let hash = hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    assert_eq!(hash, GOLDEN, "if the data were changed on purpose, look at a report and pin this");
}

#[test]
fn all_parts_of_the_page_are_filled_in() {
    let page = Parts::new(3, 40).page("a <b> & c");
    assert!(!page.contains("{{") && !page.contains("}}"));
    assert_eq!(page.matches("<title>a &lt;b&gt; &amp; c</title>").count(), 1);
    let ids = ["cards", "charts", "maps", "matrix", "gallery", "mistakes", "desk", "facts"];
    for id in ids {
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    for script in ["drawCurves", "drawTemplates", "drawPad", "drawConfusion", "drawWorst"] {
        assert_eq!(page.matches(&format!("function {script}(")).count(), 1, "{script}");
    }
}

#[test]
fn nothing_breaks_out() {
    let plain = Parts::new(3, 40).page("plain");
    let mut parts = Parts::new(3, 40);
    parts.classes[1] = EVIL.to_owned();
    let page = parts.page(EVIL);
    for mark in ["<script", "</script", "<!--", "alert(1)</"] {
        assert_eq!(page.matches(mark).count(), plain.matches(mark).count(), "{mark}");
    }
    let json = data(&page).1;
    assert_eq!(json["classes"][1], EVIL);
    assert_eq!(json["facts"][0]["rows"][1][1], EVIL);
}

#[test]
fn nothing_is_fetched() {
    let page = Parts::new(3, 40).page("small");
    // The name of SVG is no address that anything is asked of.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for mark in
        ["http:", "https:", "//www", "url(", "@import", "fetch(", "XMLHttp", "import(", " src="]
    {
        assert!(!page.contains(mark), "{mark}");
    }
    assert!(page.contains("default-src 'none'"));
    // Nothing parses text as HTML.
    for mark in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!page.contains(mark), "{mark}");
    }
}

#[test]
fn wrong_images_are_all_there_and_the_first_right_ones() {
    let parts = Parts::new(2, 200);
    let json = data(&parts.page("many")).1;
    let images = &json["images"];
    let stored: Vec<(usize, u64, u64)> = (0..images["index"].as_array().unwrap().len())
        .map(|i| {
            let at = |name: &str| images[name][i].as_u64().unwrap();
            (at("index") as usize, at("label"), at("predicted"))
        })
        .collect();
    for &(index, label, predicted) in &stored {
        assert_eq!((label, predicted), (parts.labels[index].into(), parts.predicted[index].into()));
    }
    let wrong = (0..200).filter(|&i| parts.labels[i] != parts.predicted[i]).count();
    assert_eq!(stored.iter().filter(|(_, l, p)| l != p).count(), wrong);
    for class in 0..2 {
        assert_eq!(stored.iter().filter(|&&(_, l, p)| l == class && p == class).count(), 25);
    }
    let counts: u64 =
        json["confusion"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counts, 200);
}

#[test]
fn confidence_is_counted_as_in_the_picture_of_a_run() {
    let mut parts = Parts::new(2, 200);
    // Edges of bins, where two ways to count would differ.
    parts.confidence = (0..200).map(|i| (i % 31) as f32 / 30.0).collect();
    let right = parts.labels.iter().zip(&parts.predicted).map(|(label, class)| label == class);
    let expected = bins(parts.confidence.iter().copied().zip(right));
    let expected = expected.iter().filter(|bin| bin.count > 0);
    let json = data(&parts.page("edges")).1;
    let dots = json["reliability"].as_array().unwrap();
    assert_eq!(dots.len(), expected.clone().count());
    for (dot, bin) in dots.iter().zip(expected) {
        assert_eq!(dot["count"], bin.count);
        assert_eq!(dot["confidence"], bin.mean_confidence().unwrap());
        assert_eq!(dot["accuracy"], bin.accuracy().unwrap());
    }
}

#[test]
fn what_cannot_be_shown_is_named() {
    let mut parts = Parts::new(3, 40);
    let numbers = vec![0.5; parts.pixels().len()];
    let json = data(&parts.render("numbers", Images::F32(&numbers))).1;
    assert_eq!(json["left_out"].as_array().unwrap().len(), 1);
    assert!(json["left_out"][0].as_str().unwrap().starts_with("The pad"));
    parts.image = None;
    let json = data(&parts.page("no shape")).1;
    assert!(json["left_out"][0].as_str().unwrap().contains("no height and width"));
    assert!(json["height"].is_null());
}

#[test]
fn a_page_stays_small_whatever_the_images() {
    let mut parts = Parts::new(2, 9_000);
    parts.predicted = vec![0; 9_000];
    parts.image = Some((24, 24));
    parts.weights = vec![0.0; 24 * 24 * 2];
    parts.snapshots.clear();
    // Noise, which does not pack.
    let n_shown = shown(2, &parts.labels, &parts.predicted).len();
    let pixels: Vec<u8> = (0..n_shown * 24 * 24).map(|i| (i * 7 % 255) as u8 + 1).collect();
    let page = parts.render("noise", Images::U8(&pixels));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let json = data(&page).1;
    assert!(json["left_out"][0].as_str().unwrap().starts_with("More than the first"));
    // The counts are of all images all the same.
    assert_eq!(json["confusion"], serde_json::json!([4_500, 0, 4_500, 0]));
}
