//! Whatever jobs follow one another, on however many threads, the network is that of one thread.

use std::time::Duration;

use kernels::spec::Update;

use super::*;
use crate::parameters::Init;
use crate::rng::{Purpose, Stream};

/// Features, and height and width where they have them.
type Shape = (usize, Option<(usize, usize)>);

/// Draws images, some of whose features are zero, and labels.
fn draw(random: &mut Stream, shape: Shape, classes: u32) -> Dataset {
    let features = shape.0;
    let n = 5 + random.below(60);
    let pixels: Vec<u8> = (0..n as usize * features)
        .map(|_| if random.below(2) == 0 { 0 } else { random.below(256) as u8 })
        .collect();
    let labels = (0..n).map(|_| random.below(classes)).collect();
    Dataset::from_u8(&pixels, shape, labels).unwrap()
}

/// Draws an update; one in eight takes steps that lead to numbers that are not finite.
fn update(random: &mut Stream) -> Update {
    let lr = if random.below(8) == 0 { 1e38 } else { 0.1 };
    let rule = match random.below(3) {
        0 => Rule::Sgd { lr },
        1 => Rule::Momentum { lr, mu: 0.9 },
        _ => Rule::Adam { c1: 0.1, c2: 0.001, a: lr, eps: 1e-8 },
    };
    Update { rule, l2: 0.01 }
}

fn bits(state: &[Parameters; 3]) -> Vec<u32> {
    let numbers = state.iter().flat_map(|part| part.weights.iter().chain(&part.bias));
    numbers.map(|x| x.to_bits()).collect()
}

#[test]
fn jobs_of_changing_threads_are_those_of_one_thread() {
    let mut random = Stream::new(7, Purpose::Shuffle, 1);
    let (mut went_on, mut failed) = (0, [0; 2]);
    for case in 0..80 {
        // Up to more parts than there are blocks; and more classes than are few.
        let features = 1 + random.below(if case % 3 == 0 { 2_100 } else { 90 }) as usize;
        let sides = [(6, 8), (5, 3), (29, 27)];
        let image = (case % 4 == 1).then(|| sides[random.below(3) as usize]);
        let features = image.map_or(features, |(height, width)| height * width);
        let classes = 1 + random.below(18);
        let data = draw(&mut random, (features, image), classes);
        let init = Init::TruncatedNormal { std: 0.1 };
        let start = Parameters::new(features, classes as usize, init, case);
        let tiers: Vec<Isa> = Isa::all().into_iter().collect();
        let isa = tiers[random.below(tiers.len() as u32) as usize];
        let most = [2, 3, 5, 16][random.below(4) as usize];
        let new = |threads| Network::new(isa, Team::new(threads).unwrap(), &data, &start);
        let (mut many, mut one) = (new(most), new(1));
        let mut saved = one.state(&data);
        for _ in 0..12 {
            many.set_threads(1 + random.below(most as u32) as usize);
            // Parts that move, and parts that stay from one job to the next.
            if random.below(2) == 0 {
                let time =
                    |_| [(); 2].map(|()| Duration::from_micros(1 + u64::from(random.below(99))));
                let worked: Vec<[Duration; 2]> = (0..most).map(time).collect();
                many.common.split.follow(Some(1000), 1000, &worked);
            }
            let (count, batch_size) =
                (1 + random.below(6) as usize, 1 + random.below(130) as usize);
            let images = count * batch_size + random.below(20) as usize;
            let order: Vec<u32> = (0..images).map(|_| random.below(data.len() as u32)).collect();
            let updates = vec![update(&mut random); count];
            let steps = Steps { order: &order, batch_size, updates: &updates };
            let (mut asides, mut asides_of_one) = (0, 0);
            let taken = many.take(&data, steps, &mut || asides += 1);
            let expected = one.take(&data, steps, &mut || asides_of_one += 1);
            assert_eq!(taken, expected, "case {case}");
            let state = one.state(&data);
            assert_eq!(bits(&many.state(&data)), bits(&state), "case {case}");
            if let Err((step, cause)) = taken {
                // Before the step's second half, which may not have been prepared.
                assert!([asides, asides_of_one].iter().all(|n| (step..=step + 1).contains(n)));
                failed[usize::from(matches!(cause, NonFinite::Logit { .. }))] += 1;
                many.restore(&data, saved.each_ref());
                one.restore(&data, saved.each_ref());
            } else {
                assert_eq!((asides, asides_of_one), (count, count));
                went_on += 1;
                if random.below(3) == 0 {
                    saved = state;
                }
            }
        }
    }
    assert!(went_on > 500 && failed[0] > 10 && failed[1] > 10, "{went_on}, {failed:?}");
}
