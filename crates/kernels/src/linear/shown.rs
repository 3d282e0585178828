//! Weights on their way from the thread that updates them to those that multiply by them next.
//!
//! Of several threads each has a copy of all weights, and updates its part in it. What it has updated it also writes past
//! the caches, to where all can see it, and before a step it copies from there what the others have written.
//!
//! ```text
//! backward   vector i:   own copy[i] = shown[i] = new weights, the latter streamed
//!                        ask for what the others have shown BEHIND vectors before
//! the step is over       (all streams are in memory)
//! forward                own copy of the others' parts = what they have shown
//! ```
//!
//! With all weights in one place the caches of all threads hold them, and a thread that writes a line must take it from
//! the others first. Zen 4, two threads, ms an epoch of MNIST, where both cores share a cache (a line goes there and back
//! in 0.11 us) and where they do not (0.52 us):
//!
//! | | shared | not |
//! |---|---:|---:|
//! | all weights in one place | 7.6 | 18.2 |
//! | copies, shown after the backward pass as other memory is written | 7.8 | 14.6 |
//! | the same, streamed | 7.9 | 10.9 |
//! | streamed as they are updated | 7.6 | |
//! | the same, and asked for BEHIND vectors later | 7.2 | 10.6 |
//!
//! Lost, where they share a cache: no copy of the others' parts but a table of where each block stands (no difference,
//! and 0.15 ms more on one thread); a copy for each thread that all write to, side by side block by block (9.3: the
//! processor fetches the copies of others by itself); lines taken before the backward pass, by `prefetchw` (no
//! difference); error terms and probabilities streamed as well, whose end is waited for (0.3 ms more).

use std::ops::Range;

use crate::simd::{F32x16, Stream, prefetch, prefetch_beside};

/// How many vectors after a thread as fast as this one has written it a line is asked for. Sooner, it may not have
/// been written, and must be given back.
const BEHIND: usize = 80;

/// The weights as one thread sees them, kept between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct OwnWeights {
    /// The thread's copy of all weights; none if it is the only one.
    copy: Vec<F32x16>,
    /// Its part of them.
    own: Range<usize>,
    /// Where the parts of others begin, counted from its own part.
    others: Vec<isize>,
}

impl OwnWeights {
    /// Begins with `weights`, of which part `index` of `parts` is the thread's own; each but the last ones has `len`
    /// vectors.
    pub fn begin(&mut self, weights: &[F32x16], len: usize, (index, parts): (usize, usize)) {
        let begin = |i: usize| (i * len).min(weights.len());
        self.own = begin(index)..begin(index + 1);
        self.copy.clear();
        self.others.clear();
        if parts > 1 {
            self.copy.extend_from_slice(weights);
            let others = (0..parts).filter(|&other| other != index);
            self.others.extend(others.map(|i| begin(i) as isize - self.own.start as isize));
        }
    }

    /// Fetches what others have `shown` into the cache.
    pub fn expect(&self, shown: &[F32x16]) {
        shown[..self.own.start].iter().chain(&shown[self.own.end..]).for_each(prefetch);
    }

    /// All weights, with those that others have `shown`.
    ///
    /// Panics if there are not as many as at the begin.
    pub fn read<'a>(&'a mut self, shown: &'a [F32x16]) -> &'a [F32x16] {
        if self.copy.is_empty() {
            return shown;
        }
        assert_eq!(shown.len(), self.copy.len(), "weights");
        for others in [0..self.own.start, self.own.end..shown.len()] {
            self.copy[others.clone()].copy_from_slice(&shown[others]);
        }
        &self.copy
    }

    /// The thread's part, to update; `shown` is where it must also be written, if others read it.
    ///
    /// Panics if there are not as many as the part has.
    pub fn write<'a>(
        &'a mut self,
        shown: &'a mut [F32x16],
    ) -> (&'a mut [F32x16], Option<Shown<'a>>) {
        assert_eq!(shown.len(), self.own.len(), "weights of the part");
        if self.copy.is_empty() {
            return (shown, None);
        }
        let shown = Shown { stream: Stream::to(shown), others: &self.others };
        (&mut self.copy[self.own.clone()], Some(shown))
    }
}

/// The weights of a part as other threads see them; when this is dropped, they do.
#[derive(Debug)]
pub struct Shown<'a> {
    stream: Stream<'a>,
    others: &'a [isize],
}

impl<'a> Shown<'a> {
    /// How many vectors there are.
    pub(super) fn len(&self) -> usize {
        self.stream.len()
    }

    /// Where to write them.
    #[inline(always)]
    pub(super) fn stream(&mut self) -> &mut Stream<'a> {
        &mut self.stream
    }

    /// Asks for what others have shown by the time that this thread works on its `vectors`.
    #[inline(always)]
    pub(super) fn expect_others(&self, vectors: Range<usize>) {
        let behind = vectors.start.saturating_sub(BEHIND)..vectors.end.saturating_sub(BEHIND);
        for &other in self.others {
            behind.clone().for_each(|i| prefetch_beside(&self.stream, other + i as isize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, dispatch};
    use crate::simd::{Simd, flat_mut};

    /// Writes `x` to all of a part, as a tier does: to the thread's copy, and to what it shows.
    fn update<S: Simd>(s: S, (w, shown): (&mut [F32x16], Option<Shown<'_>>), x: f32) {
        let mut shown = shown;
        for at in (0..16 * w.len()).step_by(S::LANES) {
            s.store(s.splat(x), &mut flat_mut(w)[at..]);
            if let Some(shown) = &mut shown {
                s.stream(s.splat(x), shown.stream(), at);
            }
        }
    }

    #[test]
    fn every_thread_reads_what_all_have_written() {
        for (parts, len, total) in [(1, 7, 7), (2, 4, 7), (3, 4, 9), (3, 4, 8), (7, 1, 7)] {
            for isa in Isa::all() {
                let mut shown = vec![F32x16([0.5; 16]); total];
                let mut threads = vec![OwnWeights::default(); parts];
                for (index, own) in threads.iter_mut().enumerate() {
                    own.begin(&shown, len, (index, parts));
                }
                for step in 1..4 {
                    let slices =
                        shown.chunks_mut(len).chain(std::iter::repeat_with(|| &mut [][..]));
                    for (index, (own, shown)) in threads.iter_mut().zip(slices).enumerate() {
                        let x = (10 * step + index) as f32;
                        dispatch!(isa, |s| update(s, own.write(shown), x));
                    }
                    let expected: Vec<F32x16> =
                        (0..total).map(|i| F32x16([(10 * step + i / len) as f32; 16])).collect();
                    for own in &mut threads {
                        own.expect(&shown);
                        assert_eq!(own.read(&shown), expected, "{parts} parts, {isa:?}");
                    }
                }
            }
        }
    }
}
