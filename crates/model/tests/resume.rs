//! A run that is stopped after any step and goes on is the run that nobody stopped: states, models, events.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use common::digits;
use kernels::Isa;
use kernels::team::Team;
use model::config::MOST_EPOCHS;
use model::{Checkpoint, Dataset, Event, Init, Observer, Optimizer, State, TrainConfig, Trainer};
use proptest::prelude::*;

/// 4 batches an epoch, the last ragged; 3 epochs.
const STEPS: u64 = 12;

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 32,
        learning_rate: 0.01,
        validation: 30,
        log_every: 2,
        ..TrainConfig::default()
    }
}

/// Keeps every event as text, and the state after the steps that it wants.
#[derive(Default)]
struct Log {
    events: Vec<(u64, String)>,
    states: BTreeMap<u64, State>,
    /// Stop after this step.
    until: Option<u64>,
    /// Steps between states; 0 for every step.
    between: u64,
    step: u64,
}

impl Observer for Log {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::State(state) => {
                assert_eq!(state.step, self.step);
                self.states.insert(state.step, state.clone());
                if self.until == Some(state.step) {
                    return ControlFlow::Break(());
                }
            }
            Event::Epoch { epoch, validation, validation_all, .. } => {
                let text = format!("{epoch} {validation:?} {validation_all:?}");
                self.events.push((self.step, text));
            }
            Event::Step { step, .. } => self.events.push((step, format!("{event:?}"))),
            other => self.events.push((self.step, format!("{other:?}"))),
        }
        ControlFlow::Continue(())
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    fn wants_state(&mut self, step: u64) -> bool {
        let wanted = step.is_multiple_of(self.between.max(1));
        if wanted {
            self.step = step;
        }
        wanted
    }
}

fn trainer<'a>(config: &TrainConfig, data: &'a Dataset, isa: Isa, threads: usize) -> Trainer<'a> {
    Trainer::new(config.clone(), data, 10, isa, Team::new(threads).unwrap()).unwrap()
}

/// The run that nobody stops: its events and all its states.
fn whole(config: &TrainConfig, data: &Dataset) -> Log {
    let mut log = Log::default();
    trainer(config, data, Isa::detect(), 1).run(&mut log).unwrap();
    log
}

/// Steps that are taken at once end where a state is wanted, in the middle of an epoch.
#[test]
fn states_between_steps_that_are_taken_at_once() {
    let data = digits(0..140);
    let config = TrainConfig { log_every: 1_000, ..config() };
    let whole = whole(&config, &data);
    for (threads, between) in [(1, 3), (2, 3), (2, 5), (3, 7)] {
        let mut log = Log { between, ..Log::default() };
        trainer(&config, &data, Isa::detect(), threads).run(&mut log).unwrap();
        let expected = (1..=STEPS).filter(|step| step.is_multiple_of(between));
        assert!(log.states.keys().copied().eq(expected), "{:?}", log.states.keys());
        for (step, state) in &log.states {
            assert_eq!(state, &whole.states[step], "{threads} threads, step {step}");
        }
    }
}

/// The state as it comes back from a file.
fn through_a_file(state: &State, config: &TrainConfig) -> State {
    let checkpoint = Checkpoint {
        state: state.clone(),
        config: config.clone(),
        classes: (0..10).map(|class| class.to_string()).collect(),
        image: Some((28, 28)),
        dataset_sha256: "0".repeat(64),
    };
    Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap().state
}

/// Goes on from a state; all that follows must be as in the whole run.
#[track_caller]
fn goes_on(
    config: &TrainConfig,
    data: &Dataset,
    whole: &Log,
    step: u64,
    (isa, threads): (Isa, usize),
) {
    let state = through_a_file(&whole.states[&step], config);
    let mut again = trainer(config, data, isa, threads);
    again.restore(&state).unwrap();
    assert_eq!(again.state(), state);
    let mut log = Log { step, ..Log::default() };
    again.run(&mut log).unwrap();
    let rest: Vec<_> = whole.states.range(step + 1..).collect();
    assert_eq!(log.states.iter().collect::<Vec<_>>(), rest, "after step {step}");
    // What was told before the state was taken is not told again; an epoch's end comes after its last state.
    let told =
        |(at, text): &&(u64, String)| *at > step || (*at == step && !text.starts_with("Step"));
    let expected: Vec<_> = whole.events.iter().filter(told).cloned().collect();
    assert_eq!(log.events, expected, "after step {step}");
}

#[test]
fn every_step_on_every_tier_at_any_number_of_threads() {
    let data = digits(0..140);
    let config = config();
    let whole = whole(&config, &data);
    assert_eq!(whole.states.keys().copied().collect::<Vec<_>>(), (1..=STEPS).collect::<Vec<_>>());
    for step in 1..=STEPS {
        for isa in Isa::all() {
            for threads in 1..=3 {
                goes_on(&config, &data, &whole, step, (isa, threads));
            }
        }
    }
}

#[test]
fn every_optimiser_start_and_order() {
    let data = digits(0..140);
    for optimizer in [Optimizer::ADAM, Optimizer::Sgd, Optimizer::Momentum { mu: 0.9 }] {
        for (shuffle, init, l2) in
            [(true, Init::TruncatedNormal { std: 0.1 }, 0.0), (false, Init::Zeros, 0.01)]
        {
            let config = TrainConfig { optimizer, shuffle, init, l2, ..config() };
            let whole = whole(&config, &data);
            for step in 1..=STEPS {
                goes_on(&config, &data, &whole, step, (Isa::detect(), 2));
            }
        }
    }
}

#[test]
fn many_classes_and_features_without_a_shape() {
    // More than 16 classes are summed in another order; 13 features leave lanes that are padded.
    let pixels: Vec<u8> = (0..140 * 13_u32).map(|i| (i * i % 251) as u8).collect();
    for (classes, shape) in [(20, None), (20, Some((13, 1))), (7, None), (7, Some((1, 13)))] {
        let labels = (0..140).map(|i| i % classes).collect();
        let data = Dataset::from_u8(&pixels, (13, shape), labels).unwrap();
        let config = config();
        let new = |threads| {
            let team = Team::new(threads).unwrap();
            Trainer::new(config.clone(), &data, classes as usize, Isa::detect(), team).unwrap()
        };
        let mut log = Log::default();
        new(1).run(&mut log).unwrap();
        for (step, state) in &log.states {
            let mut again = new(2);
            again.restore(state).unwrap();
            let mut rest = Log::default();
            again.run(&mut rest).unwrap();
            assert!(rest.states.iter().eq(log.states.range(step + 1..)), "{classes}, {shape:?}");
            assert_eq!(again.state().parameters, log.states[&STEPS].parameters);
        }
    }
}

#[test]
fn more_epochs_are_those_of_the_longer_run() {
    let data = digits(0..140);
    let long = TrainConfig { epochs: 5, ..config() };
    let (short, long_log) = (whole(&config(), &data), whole(&long, &data));
    let mut again = trainer(&long, &data, Isa::detect(), 1);
    again.restore(&short.states[&STEPS]).unwrap();
    let mut rest = Log::default();
    again.run(&mut rest).unwrap();
    assert!(rest.states.iter().eq(long_log.states.range(STEPS + 1..)));
}

#[test]
fn a_trainer_that_has_trained_goes_on_from_any_state() {
    let data = digits(0..140);
    let config = config();
    let whole = whole(&config, &data);
    for threads in 1..=3 {
        // Stopped in or between epochs; going on from there, from before, from behind.
        for (until, back) in [
            (4, None),
            (5, None),
            (5, Some(1)),
            (5, Some(4)),
            (5, Some(9)),
            (8, Some(2)),
            (12, Some(3)),
        ] {
            let mut trainer = trainer(&config, &data, Isa::detect(), threads);
            trainer.run(&mut Log { until: Some(until), ..Log::default() }).unwrap();
            if let Some(back) = back {
                trainer.restore(&whole.states[&back]).unwrap();
            }
            let step = back.unwrap_or(until);
            let mut log = Log { step, ..Log::default() };
            trainer.run(&mut log).unwrap();
            let rest = whole.states.range(step + 1..);
            assert!(log.states.iter().eq(rest), "{threads} threads, {until}, {back:?}");
        }
    }
}

#[test]
fn states_of_other_runs_are_refused() {
    let data = digits(0..140);
    let config = config();
    let state = whole(&config, &data).states[&5].clone();
    let mut trainer = trainer(&config, &data, Isa::detect(), 1);
    let mut refused = |what: &str, change: &dyn Fn(&mut State)| {
        let mut state = state.clone();
        change(&mut state);
        let error = trainer.restore(&state).unwrap_err();
        assert_eq!(error.what, what, "{error}");
    };
    refused("iteration", &|s| s.iteration = 0);
    refused("iteration", &|s| s.iteration = 5);
    refused("step", &|s| s.epoch = 0);
    refused("step", &|s| s.epoch = u64::MAX);
    refused("step", &|s| s.step = 6);
    refused("classes", &|s| s.parameters.bias.push(0.0));
    refused("features", &|s| s.m.weights.truncate(10 * 783));
    refused("classes", &|s| s.v.bias.clear());
}

/// Neither the last epoch that a setting can name nor the last that a number can count past.
#[test]
fn the_last_epoch_of_all_has_no_next() {
    let data = digits(0..140);
    let one_batch = TrainConfig { batch_size: 110, epochs: 1, ..config() };
    let state = whole(&one_batch, &data).states[&1].clone();
    let config = TrainConfig { epochs: MOST_EPOCHS, ..one_batch };
    for (epoch, events) in [(MOST_EPOCHS - 1, 4), (MOST_EPOCHS, 1), (u64::MAX, 0)] {
        let state = State { epoch, step: epoch, ..state.clone() };
        let mut trainer = trainer(&config, &data, Isa::detect(), 1);
        trainer.restore(&state).unwrap();
        let mut log = Log::default();
        trainer.run(&mut log).unwrap();
        // Of the epoch that goes on its end; of the next its start, its step and its end.
        assert_eq!(log.events.len(), events, "epoch {epoch}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any sequence of: run some steps; save; be killed, and go on from what was saved last.
    #[test]
    fn any_sequence_of_saves_and_kills_ends_the_same(
        seed in 0_u64..4,
        sequence in prop::collection::vec((1_u64..6, any::<bool>(), 1_usize..4), 0..12),
    ) {
        let data = digits(0..140);
        let config = TrainConfig { seed, ..config() };
        let expected = whole(&config, &data).states[&STEPS].clone();
        let (mut saved, mut at): (Option<State>, Option<State>) = (None, None);
        for (steps, saves, threads) in sequence {
            let from = at.as_ref().map_or(0, |state| state.step);
            let until = (from + steps).min(STEPS);
            let mut run = trainer(&config, &data, Isa::detect(), threads);
            if let Some(state) = &at {
                run.restore(state).unwrap();
            }
            let mut log = Log { until: Some(until), ..Log::default() };
            run.run(&mut log).unwrap();
            let reached = log.states.pop_last().map(|(_, state)| state).or_else(|| at.clone());
            if saves {
                saved = reached.map(|state| through_a_file(&state, &config));
            }
            // The kill: what was not saved is lost.
            at.clone_from(&saved);
        }
        let mut run = trainer(&config, &data, Isa::detect(), 1);
        if let Some(state) = &at {
            run.restore(state).unwrap();
        }
        run.run(&mut Log::default()).unwrap();
        let end = run.state();
        prop_assert_eq!((end.parameters, end.m, end.v), (expected.parameters, expected.m, expected.v));
    }
}
