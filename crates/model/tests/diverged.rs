//! A run that diverges says where: the first step, the image, the number that is not finite.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::ops::ControlFlow;
use std::time::Duration;

use kernels::team::Team;
use kernels::{Isa, NonFinite};
use model::trainer::Silent;
use model::{Dataset, Diverged, Event, Observer, Optimizer, TrainConfig, Trainer};

/// Four images of 2 x 2 pixels in two classes.
fn data() -> Dataset {
    let pixels = [255, 0, 0, 255, 0, 255, 255, 0, 9, 200, 0, 0, 255, 255, 255, 255];
    Dataset::from_u8(&pixels, (4, Some((2, 2))), vec![0, 1, 0, 1]).unwrap()
}

fn config() -> TrainConfig {
    let optimizer = Optimizer::Sgd;
    TrainConfig { epochs: 3, batch_size: 2, validation: 0, optimizer, ..TrainConfig::default() }
}

fn run(config: TrainConfig, classes: usize) -> Result<(), Diverged> {
    let (data, team) = (data(), Team::new(1).unwrap());
    Trainer::new(config, &data, classes, Isa::detect(), team).unwrap().run(&mut Silent)
}

#[test]
fn the_first_number_that_is_not_finite_is_named() {
    // Where features are lanes, and where classes are.
    for classes in [2, 17] {
        let wild = TrainConfig { learning_rate: 1e38, log_every: 1 << 20, ..config() };
        let diverged = run(wild, classes).unwrap_err();
        let place = (diverged.epoch, diverged.iteration.unwrap(), diverged.step);
        assert!(place > (1, 0, 0) && place <= (2, 1, 4), "{diverged:?}");
        let expected = format!(
            "training diverged in epoch {}, iteration {} (step {}): ",
            place.0, place.1, place.2
        );
        let text = diverged.to_string();
        assert!(text.starts_with(&expected) && text.contains(" is not finite"), "{text}");
        let is_logit = matches!(diverged.cause, NonFinite::Logit { .. });
        assert_eq!(diverged.image.is_some(), is_logit, "{text}");
        if let Some(image) = diverged.image {
            assert!(image < 4 && text.ends_with(&format!("(image {image} of the training file)")));
        }
    }
}

#[test]
fn after_an_update_the_logged_forward_pass_tells_of_it() {
    let wild = TrainConfig { learning_rate: 3e37, log_every: 1, ..config() };
    let diverged = run(wild, 2).unwrap_err();
    assert_eq!((diverged.epoch, diverged.iteration, diverged.step), (1, Some(0), 1));
    assert!(diverged.image.is_some(), "{diverged}");
}

#[test]
fn validation_images_are_named_too() {
    // The one image to train on is faint: its logits stay finite where those of full ink do not.
    let mut pixels = [255; 16];
    pixels[12..].fill(1);
    let data = Dataset::from_u8(&pixels, (4, Some((2, 2))), vec![0, 1, 0, 1]).unwrap();
    let wild = TrainConfig {
        learning_rate: 3e38,
        validation: 3,
        batch_size: 1,
        epochs: 1,
        log_every: 1 << 20,
        ..config()
    };
    let mut trainer = Trainer::new(wild, &data, 2, Isa::detect(), Team::new(1).unwrap()).unwrap();
    let diverged = trainer.run(&mut Silent).unwrap_err();
    assert_eq!((diverged.epoch, diverged.iteration, diverged.step), (1, None, 1));
    assert_eq!(diverged.image, Some(0), "{diverged}");
    let text = diverged.to_string();
    assert!(
        text.starts_with("training diverged: in the validation after epoch 1 (step 1): "),
        "{text}"
    );
}

/// An observer that breaks off at the `n`-th event.
struct Impatient(usize);

impl Observer for Impatient {
    fn on(&mut self, _: Event<'_>) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    fn wants_state(&mut self, _: u64) -> bool {
        true
    }
}

#[test]
fn an_observer_breaks_off_at_any_event() {
    let (data, isa) = (data(), Isa::detect());
    let config = TrainConfig { log_every: 1, ..config() };
    // An epoch: its start, a report and a state of each of two steps, its end.
    let steps = [0, 1, 1, 2, 2, 2, 2, 3];
    for (events, expected) in (1..).zip(steps) {
        let team = Team::new(1).unwrap();
        let mut trainer = Trainer::new(config.clone(), &data, 2, isa, team).unwrap();
        trainer.run(&mut Impatient(events)).unwrap();
        assert_eq!(trainer.state().step, expected, "after {events} events");
    }
}

/// An observer that wants nothing has its steps taken many at once, one that wants all states one by one.
#[test]
fn a_run_of_many_steps_at_once_diverges_where_single_steps_do() {
    let pixels: Vec<u8> = (0..64).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..16).map(|i| i % 2).collect();
    let data = Dataset::from_u8(&pixels, (4, Some((2, 2))), labels).unwrap();
    let mut late = 0;
    for exponent in 2..12 {
        // By the L2 term, weights grow by this factor in each step.
        let learning_rate = 10f64.powi(exponent);
        let config =
            TrainConfig { learning_rate, l2: 1.0, batch_size: 1, log_every: 1 << 20, ..config() };
        let run = |observer: &mut dyn Observer| {
            let team = Team::new(2).unwrap();
            let mut trainer = Trainer::new(config.clone(), &data, 2, Isa::detect(), team).unwrap();
            let end = trainer.run(observer);
            (end, trainer.state().step, trainer.state().powers)
        };
        let (many, single) = (run(&mut Silent), run(&mut Impatient(usize::MAX)));
        assert_eq!(many, single, "{learning_rate}");
        late += usize::from(many.0.is_err_and(|diverged| diverged.iteration > Some(1)));
    }
    assert!(late > 0, "none diverged within a stretch");
}
