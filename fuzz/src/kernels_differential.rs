//! Shapes and numbers from any bytes: every tier of this machine gives the same bits.

use kernels::batch::{self, Batch};
use kernels::linear::{self, BlockIndex, BlockPart, BlockWeights, Upcoming};
use kernels::spec::{Rule, Update};
use kernels::{F32x16, Images, Isa, Layout, MatMut, MatRef, gemm, optim};

/// Numbers of a fuzzer's bytes; zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn below(&mut self, n: u8) -> usize {
        usize::from(self.byte() % n)
    }

    /// Any bit pattern, or a small number: a fuzzer seldom finds those that cancel.
    fn number(&mut self) -> f32 {
        let first = self.byte();
        if first < 200 {
            return (f32::from(first) - 100.0) / 16.0;
        }
        f32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn finite(&mut self) -> f32 {
        let number = self.number();
        if number.is_finite() { number } else { 0.5 }
    }

    fn many(&mut self, n: usize, mut number: impl FnMut(&mut Self) -> f32) -> Vec<f32> {
        (0..n).map(|_| number(self)).collect()
    }

    fn update(&mut self) -> Update {
        let lr = self.finite();
        let rule = match self.below(3) {
            0 => Rule::Sgd { lr },
            1 => Rule::Momentum { lr, mu: 0.9 },
            _ => Rule::Adam { c1: 0.1, c2: 0.001, a: lr, eps: 1e-8 },
        };
        Update { rule, l2: [0.0, 0.01][self.below(2)] }
    }
}

/// Runs one kernel on every tier; panics where two differ. Returns whether all numbers were finite.
pub fn check(bytes: &[u8]) -> bool {
    let mut source = Source(bytes);
    match source.below(3) {
        0 => product(&mut source),
        1 => update(&mut source),
        _ => step(&mut source),
    }
}

/// Computes with every tier; fails where a later one differs from the first.
fn compare(what: &str, mut compute: impl FnMut(Isa) -> (bool, Vec<f32>)) -> bool {
    let mut first: Option<(bool, Vec<f32>)> = None;
    for isa in Isa::all() {
        let (finite, numbers) = compute(isa);
        let Some((first_finite, expected)) = &first else {
            first = Some((finite, numbers));
            continue;
        };
        assert_eq!(finite, *first_finite, "{what} on {isa:?}: finite");
        for (i, (a, e)) in numbers.iter().zip(expected).enumerate() {
            let same = a.to_bits() == e.to_bits() || (a.is_nan() && e.is_nan());
            assert!(same, "{what} on {isa:?}: {a:e} is not {e:e} at {i}");
        }
    }
    first.is_some_and(|(finite, _)| finite)
}

fn product(source: &mut Source<'_>) -> bool {
    let (m, k, n) = (source.below(40), source.below(70), source.below(40));
    let a = source.many(m * k, Source::number);
    let b = source.many(k * n, Source::number);
    compare("gemm", |isa| {
        let mut c = vec![f32::NAN; m * n];
        gemm(isa, MatRef::new(&a, m, k), MatRef::new(&b, k, n), MatMut::new(&mut c, m, n));
        (c.iter().all(|x| x.is_finite()), c)
    })
}

fn update(source: &mut Source<'_>) -> bool {
    let n = source.below(80);
    let update = source.update();
    let (g, w, m) = (
        source.many(n, Source::number),
        source.many(n, Source::finite),
        source.many(n, Source::finite),
    );
    let v = source.many(n, |source| source.finite().abs());
    compare("update", |isa| {
        let (mut w, mut m, mut v) = (w.clone(), m.clone(), v.clone());
        let finite = optim::update_all(isa, update, &g, (&mut w, &mut m, &mut v));
        (finite, [w, m, v].concat())
    })
}

const SHAPES: [(usize, Option<(usize, usize)>); 6] =
    [(1, None), (9, None), (16, Some((4, 4))), (15, Some((5, 3))), (35, Some((5, 7))), (31, None)];

/// A training step of the block-sparse layer: forward, softmax, backward.
fn step(source: &mut Source<'_>) -> bool {
    let (features, image) = SHAPES[source.below(6)];
    let (classes, n, is_u8) = (1 + source.below(16), 1 + source.below(40), source.below(2) == 0);
    // Pixels may have more than few classes: up to 64.
    let classes = if is_u8 && n % 2 == 0 { 16 + 3 * classes } else { classes };
    let layout = || Layout::new(features, image).expect("a shape that fits");
    let images = if is_u8 {
        // Half of the pixels are background.
        let pixel = |byte: u8| if byte < 128 { 0 } else { byte };
        let pixels: Vec<u8> = (0..n * features).map(|_| pixel(source.byte())).collect();
        Images::from_u8(layout(), &pixels)
    } else {
        Images::from_f32(layout(), &source.many(n * features, Source::finite))
    };
    let images = images.expect("a few blocks");
    let weights = source.many(features * classes, Source::finite);
    let bias = source.many(classes, Source::finite);
    let rows: Vec<u32> = (0..n).map(|_| source.below(n as u8) as u32).collect();
    let labels: Vec<u32> = (0..n).map(|_| source.below(classes as u8) as u32).collect();
    let update = source.update();
    let padded = linear::padded_classes(classes);
    let scale = images.scale();
    compare("step", |isa| {
        let mut w = BlockWeights::gather(images.layout(), classes, &weights);
        let mut batch = Batch::default();
        batch.begin(&labels, padded, 1);
        let mut is_finite = true;
        for part in batch.parts_mut() {
            linear::forward(isa, &images, &rows, w.lines(), part.sum_rows_mut());
            is_finite &=
                kernels::softmax(isa, part.softmax_rows_mut(), &bias, scale, scale / n as f32);
        }
        let mut numbers: Vec<f32> = (0..classes).flat_map(|c| batch.error_terms(c)).collect();
        numbers.extend(batch.losses());
        numbers.extend(batch.predicted().map(|class| class as f32));
        if !is_finite {
            // A trainer stops here; what the batch holds now is of no use to anyone.
            return (false, Vec::new());
        }
        let zeros = vec![F32x16::default(); w.lines_mut().len()];
        let (mut m, mut v) = (zeros.clone(), zeros);
        let (m_all, v_all) = (&mut m[..], &mut v[..]);
        let part = BlockPart { first: 0, w: w.lines_mut(), m: m_all, v: v_all, shown: None };
        let (mut index, mut room) = (BlockIndex::default(), Vec::new());
        let upcoming = Upcoming { rows: &rows, own: 0..n };
        let errors = batch::error_rows(batch.parts(), &mut room);
        index.begin(isa, &images, &rows, 0..images.layout().block_count(), padded);
        index.list(isa, &images, &rows, batch.parts().len());
        is_finite &= index.backward(isa, &images, errors, update, part, &upcoming);
        let moments = m.iter().chain(&v).flat_map(|lanes| lanes.0);
        numbers.extend(w.lines_mut().iter().flat_map(|lanes| lanes.0).chain(moments));
        (is_finite, numbers)
    })
}
