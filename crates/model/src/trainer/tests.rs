//! The next epoch's order is made beside the steps of this one.

use super::*;

/// Stops at the end of the first epoch.
struct OneEpoch;

impl Observer for OneEpoch {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Epoch { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn the_next_order_is_there_when_an_epoch_ends() {
    let pixels: Vec<u8> = (0..150 * 8_u32).map(|i| (i * i % 251) as u8).collect();
    // A ragged last batch, whole ones, and one for all; few classes and many.
    for (batch_size, classes) in [(32, 3), (50, 3), (150, 3), (1, 3), (32, 20)] {
        let labels = (0..150).map(|i| i % classes).collect();
        let data = Dataset::from_u8(&pixels, (8, None), labels).unwrap();
        let config = TrainConfig { epochs: 2, batch_size, validation: 0, ..TrainConfig::default() };
        for threads in 1..=3 {
            let team = Team::new(threads).unwrap();
            let mut trainer =
                Trainer::new(config.clone(), &data, classes as usize, Isa::detect(), team).unwrap();
            trainer.run(&mut OneEpoch).unwrap();
            let next = trainer.next_order.take().unwrap();
            assert_eq!((next.epoch, next.left), (2, 0), "batches of {batch_size}");
            assert_eq!(next.finish(), trainer.split.epoch_order(config.seed, 2, true));
        }
    }
}
