//! The training loop, which reports to an observer and prints nothing itself.

mod diverged;

use std::ops::ControlFlow;
use std::time::Duration;

use kernels::spec::{self, Update};
use kernels::team::Team;
use kernels::{Isa, NonFinite};

pub use diverged::Diverged;

use crate::config::{ConfigError, TrainConfig};
use crate::dataset::{Dataset, EpochOrder, Split};
use crate::metrics::{Evaluation, Scores};
use crate::network::{Network, Steps};
use crate::optimizer::Schedule;
use crate::pace::Pace;
use crate::parameters::Parameters;
use crate::state::{RestoreError, State};

/// The tutorial validates and tests on the first images only, this many.
pub const TUTORIAL_SUBSET: usize = 1_000;

/// Images of steps that are taken at once; between them the observer is asked what it wants.
const MOST_IMAGES: usize = 4_096;

/// Loss and accuracy of a batch or a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean cross-entropy in nats.
    pub loss: f64,
    /// The fraction of right predictions, 0 to 1.
    pub accuracy: f64,
}

/// What happened in training.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An epoch begins; the first is 1.
    EpochStarted {
        /// The epoch.
        epoch: u64,
    },
    /// A step was taken that is to be reported.
    Step {
        /// The epoch, from 1.
        epoch: u64,
        /// The step within the epoch, from 0.
        iteration: usize,
        /// The step since the start, from 1.
        step: u64,
        /// The step's own forward pass, before its update.
        before: Score,
        /// The same batch after the update.
        after: Score,
    },
    /// An epoch ended.
    Epoch {
        /// The epoch.
        epoch: u64,
        /// The first images of the validation set; `None` if that is empty.
        validation: Option<&'a Evaluation>,
        /// The whole validation set; `None` if that is empty.
        validation_all: Option<&'a Evaluation>,
        /// The time of the epoch's training alone: shuffle and steps; after [`Trainer::restore`], that of
        /// what was left of it.
        training_time: Duration,
    },
    /// The state after a step, for which the observer has asked.
    State(&'a State),
}

/// Who hears of the events of training, and knows the time.
pub trait Observer {
    /// Hears of an event; [`ControlFlow::Break`] stops training after it.
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()>;
    /// The time since some fixed moment.
    fn now(&self) -> Duration;
    /// Whether the state after `step`, which is to be taken soon, is wanted: then [`Event::State`] follows it.
    fn wants_state(&mut self, _step: u64) -> bool {
        false
    }
    /// Whether to be shown the parameters after so many steps; 0 is before the first. Asked before the step and
    /// after it, and must say the same.
    fn wants_parameters(&self, _steps: u64) -> bool {
        false
    }
    /// Is shown them. What this takes does not count as training time.
    fn on_parameters(&mut self, _steps: u64, _parameters: Parameters) {}
}

/// An observer that does nothing and has no clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&mut self, _: Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// A model in training.
pub struct Trainer<'a> {
    config: TrainConfig,
    data: &'a Dataset,
    split: Split,
    network: Network,
    schedule: Schedule,
    pace: Pace,
    /// The training time of the epochs that are over.
    trained: Duration,
    step: u64,
    /// The order of the next epoch, which is made beside the steps of this one.
    next_order: Option<EpochOrder>,
    /// The epoch that goes on or comes next, from 1.
    epoch: u64,
    /// Steps taken in it.
    iteration: usize,
}

impl<'a> Trainer<'a> {
    /// Prepares a run on the training file `data`, whose labels are below `classes`.
    ///
    /// Errors where a setting makes no sense for these images.
    ///
    /// Panics if a label is not below `classes`.
    pub fn new(
        config: TrainConfig,
        data: &'a Dataset,
        classes: usize,
        isa: Isa,
        team: Team,
    ) -> Result<Self, ConfigError> {
        config.check(data.len())?;
        assert!(data.labels().iter().all(|&label| (label as usize) < classes), "{classes} classes");
        let parameters = Parameters::new(data.features(), classes, config.init, config.seed);
        Ok(Self {
            data,
            split: Split::new(data.len(), config.validation),
            pace: Pace::new(team.threads()),
            trained: Duration::ZERO,
            network: Network::new(isa, team, data, &parameters),
            schedule: Schedule::new(config.optimizer, config.learning_rate),
            next_order: None,
            step: 0,
            epoch: 1,
            iteration: 0,
            config,
        })
    }

    /// The split of the training file.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> Parameters {
        self.network.parameters(self.data)
    }

    /// Scores the images of `data`, which have the shape of those that are trained on, with the parameters as
    /// they are now: on the threads that train, as [`Classifier`](crate::Classifier) evaluates on others.
    ///
    /// Errors at the first image with a logit that is not finite.
    ///
    /// Panics where the images have another shape.
    pub fn score(&mut self, data: &Dataset) -> Result<Scores, NonFinite> {
        assert_eq!(data.images().layout(), self.data.images().layout(), "shapes of images");
        self.network.score(data, 0..data.len())
    }

    /// Steps in an epoch.
    pub fn iterations(&self) -> usize {
        self.split.training.len().div_ceil(self.config.batch_size)
    }

    /// The state after the last step.
    pub fn state(&self) -> State {
        let [parameters, m, v] = self.network.state(self.data);
        let (step, epoch, iteration) = (self.step, self.epoch, self.iteration);
        State { step, epoch, iteration, powers: self.schedule.powers(), parameters, m, v }
    }

    /// Goes on from a state of a run with the same data and settings; the number of epochs, how often steps
    /// are reported, threads and instructions may differ. The rest of the run is the same, bit for bit, as
    /// that of the run which the state was taken from.
    ///
    /// Errors where the state does not fit the images and the settings.
    pub fn restore(&mut self, state: &State) -> Result<(), RestoreError> {
        let classes = self.network.classes();
        state.check((self.data.features(), classes), self.iterations())?;
        self.network.restore(self.data, [&state.parameters, &state.m, &state.v]);
        self.schedule.restore(state.powers);
        (self.step, self.epoch, self.iteration) = (state.step, state.epoch, state.iteration);
        Ok(())
    }

    /// Trains all epochs, or until the observer breaks off.
    ///
    /// Errors at the first logit or weight that is not finite.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), Diverged> {
        self.show_parameters(observer);
        while self.epoch <= self.config.epochs {
            if self.epoch(self.epoch, observer)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn show_parameters(&self, observer: &mut dyn Observer) {
        if observer.wants_parameters(self.step) {
            observer.on_parameters(self.step, self.parameters());
        }
    }

    fn epoch(
        &mut self,
        epoch: u64,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<()>, Diverged> {
        if self.iteration == 0 && observer.on(Event::EpochStarted { epoch }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let mut training_time = Duration::ZERO;
        let mut started = observer.now();
        let order = self.order(epoch);
        while self.iteration < self.iterations() {
            if self.pace.wants_time() {
                let since = observer.now().saturating_sub(started);
                self.pace.at(self.trained + training_time + since);
                self.network.set_threads(self.pace.threads());
            }
            let (count, wants_state) = self.stretch(observer);
            self.take(epoch, &order, count)?;
            let iteration = self.iteration - 1;
            if iteration.is_multiple_of(self.config.log_every) {
                training_time += observer.now().saturating_sub(started);
                let rows = order.chunks(self.config.batch_size).nth(iteration).unwrap_or(&[]);
                let before = self.batch_score();
                let forward = self.network.forward(self.data, rows);
                let place = (epoch, Some(iteration), self.step);
                forward.map_err(|cause| Diverged::new(place, |i| rows[i], cause))?;
                let (step, after) = (self.step, self.batch_score());
                let event = Event::Step { epoch, iteration, step, before, after };
                if observer.on(event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                started = observer.now();
            }
            if wants_state {
                training_time += observer.now().saturating_sub(started);
                if observer.on(Event::State(&self.state())).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                started = observer.now();
            }
            if observer.wants_parameters(self.step) {
                training_time += observer.now().saturating_sub(started);
                self.show_parameters(observer);
                started = observer.now();
            }
        }
        training_time += observer.now().saturating_sub(started);
        self.trained += training_time;
        let (first, whole) = self.validate(epoch)?.unzip();
        (self.epoch, self.iteration) = (epoch + 1, 0);
        Ok(observer.on(Event::Epoch {
            epoch,
            validation: first.as_ref(),
            validation_all: whole.as_ref(),
            training_time,
        }))
    }

    /// The order of an epoch, which may have been made before; begins that of the next, if there is one.
    fn order(&mut self, epoch: u64) -> Vec<u32> {
        let TrainConfig { seed, shuffle, epochs, .. } = self.config;
        let order = match self.next_order.take().filter(|next| next.epoch == epoch) {
            Some(order) => order.finish(),
            None => self.split.epoch_order(seed, epoch, shuffle),
        };
        if epoch < epochs {
            self.next_order = Some(self.split.begin_order(seed, epoch + 1, shuffle));
        }
        order
    }

    /// How many steps to take at once: up to the first after which something is wanted; and whether that is
    /// the state.
    fn stretch(&self, observer: &mut dyn Observer) -> (usize, bool) {
        let most = self.pace.most_steps().min((MOST_IMAGES / self.config.batch_size).max(1));
        let most = most.min(self.iterations() - self.iteration);
        for count in 1..=most {
            let step = self.step + count as u64;
            if observer.wants_state(step) {
                return (count, true);
            }
            let is_logged = (self.iteration + count - 1).is_multiple_of(self.config.log_every);
            if is_logged || observer.wants_parameters(step) {
                return (count, false);
            }
        }
        (most, false)
    }

    /// Takes the next `count` steps.
    fn take(&mut self, epoch: u64, order: &[u32], count: usize) -> Result<(), Diverged> {
        let (batch_size, l2) = (self.config.batch_size, self.config.l2 as f32);
        let mut schedule = self.schedule;
        let updates: Vec<Update> =
            (0..count).map(|_| Update { rule: schedule.next_rule(), l2 }).collect();
        let order = &order[self.iteration * batch_size..];
        let steps = Steps { order, batch_size, updates: &updates };
        let mut aside = || {
            if let Some(next) = &mut self.next_order {
                next.go_on(batch_size);
            }
        };
        let taken = self.network.take(self.data, steps, &mut aside);
        let whole = taken.as_ref().map_or_else(|&(failed, _)| failed, |()| count);
        // As far as the step that failed, if one did.
        for _ in 0..count.min(whole + 1) {
            self.schedule.next_rule();
        }
        self.pace.count(count);
        self.iteration += whole;
        self.step += whole as u64;
        taken.map_err(|(failed, cause)| {
            self.step += 1;
            let rows = order.chunks(batch_size).nth(failed).unwrap_or(&[]);
            Diverged::new((epoch, Some(self.iteration), self.step), |i| rows[i], cause)
        })
    }

    /// Evaluates the first validation images, and all of them; nothing if there are none.
    fn validate(&mut self, epoch: u64) -> Result<Option<(Evaluation, Evaluation)>, Diverged> {
        let count = self.split.validation.len();
        if count == 0 {
            return Ok(None);
        }
        let scores = self.network.score(self.data, 0..count);
        let place = (epoch, None, self.step);
        let scores = scores.map_err(|cause| Diverged::new(place, |i| i as u32, cause))?;
        Ok(Some((scores.first(count.min(TUTORIAL_SUBSET)), scores.all())))
    }

    /// The score of the last forward pass.
    fn batch_score(&self) -> Score {
        let batch = self.network.batch();
        let loss = spec::mean_loss(batch.losses());
        Score { loss, accuracy: batch.correct() as f64 / batch.len() as f64 }
    }
}

#[cfg(test)]
mod tests;
