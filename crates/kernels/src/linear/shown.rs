//! Weights on their way from the thread that updates them to those that multiply by them next.
//!
//! Of several threads each has a copy of all weights, and updates its part in it. What it has updated it also writes past
//! the caches, to where all can see it, and before a step it copies from there what the others have written.
//!
//! ```text
//! backward   line i:     own copy[i] = shown[i] = new weights, the latter streamed
//!                        ask for what the others have shown BEHIND lines before
//! the step is over       (all streams are in memory)
//! forward                own copy of the others' parts = what they have shown
//! ```
//!
//! This is for three threads and more, and for more than 16 classes. Two threads of fewer have half of the blocks each and show
//! nothing; the figures here are from when they had images forward, as more threads still have.
//!
//! With all weights in one place the caches of all threads hold them, and a thread that writes a line must take it from
//! the others first. Zen 4, two threads, ms an epoch of MNIST by a program of the steps alone, where both cores share a cache
//! (a line goes there and back in 0.11 us) and where they do not (0.52 us); `benches/epoch.rs` has whole epochs:
//!
//! | | shared | not |
//! |---|---:|---:|
//! | all weights in one place | 7.6 | 18.2 |
//! | copies, shown after the backward pass as other memory is written | 7.8 | 14.6 |
//! | the same, streamed | 7.9 | 10.9 |
//! | streamed list by list, behind each update | 7.6 | |
//! | the same, and asked for BEHIND lines later | 7.2 | 10.6 |
//!
//! The last line is how it is, but for one more change: each vector is streamed between the stores of its own update and not a
//! list's ten lines in a row behind it, 2.1 to 2.3 % of a step less.
//!
//! # Tried and lost
//!
//! Of a step on two threads; two figures are of two measurements, and those marked * were made when a list's lines were streamed in
//! a row behind its update:
//!
//! | tried | time |
//! |---|---|
//! | BEHIND of 40 * | 0.4 and 0.7 % less; kept 80, because where cores share no cache it was not compared |
//! | BEHIND of 20 *; of 120 * | 0.3 less and 0.8 more; the same and 0.8 more |
//! | ordinary stores in a row *; in an update | 1.2 % less; 10 more |
//! | a list's lines streamed after the sums of the next | 1 % more |
//! | the last lines asked for once more after the biases | 0.3 to 0.9 % more |
//! | no streams, which would be wrong | 7.5 % less |
//!
//! Other measurements, ms an epoch; A and B are Zen 4, whose cores share a cache, in B with 0.14 us there and back and 7.5 ms an
//! epoch; on Emerald Rapids best tenths of 140 or 200 in turns:
//!
//! | tried | time | |
//! |---|---|---|
//! | no copy of the others' parts but a table of where each block stands | no difference, one thread 0.15 more | A |
//! | a copy for each thread that all write to, side by side block by block | 9.3 | A: the processor fetches the copies of others by itself |
//! | lines taken before the backward pass, by `prefetchw` | no difference | A |
//! | error terms and probabilities streamed as well, whose end is waited for | 0.3 more | A |
//! | all of the others' lines asked for once more before they are copied | 0.1 more | A |
//! | ordinary stores and not streams; also with their lines asked for by `prefetchw` 30 lines before | 7.4; 7.5 | for 7.5, B: what is copied comes in 0.35 us and not in 0.7, but the backward pass takes longer |
//! | BEHIND of 40; of 20 | 7.3; 7.6 | for 7.5, B |
//! | a copy by vectors and not by `memcpy` | 7.5 | for 7.5, B |
//! | only those blocks shown and copied which the others' next images have; copied alone | 10.79; 10.85 | for 10.86, Emerald Rapids |
//! | the last BEHIND lines asked for before the heads of images are copied, and not those copied while the other thread is waited for | 10.80 | for 10.71, Emerald Rapids |

use std::ops::Range;

use crate::simd::{F32x16, Stream, prefetch_beside};

/// A line of another part is asked for so many lines after it was written, if all threads get on alike. Sooner, it may not have been
/// written yet, and then whoever writes it must take it back.
const BEHIND: usize = 80;

/// The weights as one thread sees them, kept between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct OwnWeights {
    /// The thread's copy of all weights; none if it is the only one.
    copy: Vec<F32x16>,
    /// Its part of them.
    own: Range<usize>,
    /// Where the parts of others begin, counted from its own part, and how long they are.
    others: Vec<(isize, usize)>,
}

impl OwnWeights {
    /// Begins with `weights`, of which the thread's own part is number `index`; each part ends at its number of `ends`.
    ///
    /// Panics if there is no such part, or the last one does not end where the weights do.
    pub fn begin(&mut self, weights: &[F32x16], ends: &[usize], index: usize) {
        assert!(index < ends.len(), "part {index} of {}", ends.len());
        assert_eq!(ends.last(), Some(&weights.len()), "the end of the last part");
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let mut parts: Vec<Range<usize>> =
            begins.zip(ends).map(|(begin, &end)| begin..end).collect();
        self.own = parts.remove(index);
        self.copy.clear();
        self.others.clear();
        if ends.len() > 1 {
            self.copy.extend_from_slice(weights);
            let begin = self.own.start as isize;
            let from_own = |part: Range<usize>| (part.start as isize - begin, part.len());
            self.others.extend(parts.into_iter().map(from_own).filter(|other| other.1 > 0));
        }
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
        let shown = Shown { weights: shown, others: &self.others };
        (&mut self.copy[self.own.clone()], Some(shown))
    }
}

/// Where the weights of a part must also be written, in their order.
#[derive(Debug)]
pub struct Shown<'a> {
    pub(super) weights: &'a mut [F32x16],
    /// Where the parts of other threads begin, in lines from its own, and how many lines they have.
    pub(super) others: &'a [(isize, usize)],
}

/// Asks for what others have shown by the time that this thread works on the `lines` of its part, which has `own` lines, if
/// all get through theirs in the same time.
#[inline(always)]
pub(super) fn prefetch_shown(
    shown: &Stream<'_>,
    others: &[(isize, usize)],
    lines: Range<usize>,
    own: usize,
) {
    for &(other, len) in others {
        let behind = |line: usize| (line * len / own).saturating_sub(BEHIND);
        (behind(lines.start)..behind(lines.end))
            .for_each(|i| prefetch_beside(shown, other + i as isize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, dispatch};
    use crate::simd::{Simd, flat_mut};

    /// Writes `x` to all of a part, as a tier does: to the thread's copy, and to what it shows.
    fn update<S: Simd>(s: S, (w, shown): (&mut [F32x16], Option<Shown<'_>>), x: f32) {
        let mut shown = shown.map(|shown| Stream::to(shown.weights));
        for lanes in flat_mut(w).chunks_exact_mut(S::LANES) {
            s.store(s.splat(x), lanes);
            if let Some(shown) = &mut shown {
                s.stream(s.splat(x), shown);
            }
        }
    }

    #[test]
    fn every_thread_reads_what_all_have_written() {
        for ends in [&[7][..], &[4, 7], &[1, 7], &[4, 8, 9], &[0, 4, 8], &[2, 2, 8], &[1, 2, 3, 4]]
        {
            for isa in Isa::all() {
                let mut shown = vec![F32x16([0.5; 16]); *ends.last().unwrap()];
                let mut threads = vec![OwnWeights::default(); ends.len()];
                for (index, own) in threads.iter_mut().enumerate() {
                    own.begin(&shown, ends, index);
                }
                for step in 1..4 {
                    let mut expected = Vec::new();
                    for (index, own) in threads.iter_mut().enumerate() {
                        let (x, of_part) =
                            ((10 * step + index) as f32, expected.len()..ends[index]);
                        dispatch!(isa, |s| update(s, own.write(&mut shown[of_part]), x));
                        expected.resize(ends[index], F32x16([x; 16]));
                    }
                    for own in &mut threads {
                        assert_eq!(own.read(&shown), expected, "{ends:?}, {isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn others_are_counted_from_the_own_part() {
        let weights = vec![F32x16::default(); 9];
        let others = |index, ends: &[usize]| {
            let mut own = OwnWeights::default();
            own.begin(&weights, ends, index);
            own.others
        };
        assert_eq!((others(0, &[9]), others(0, &[4, 8, 9])), (vec![], vec![(4, 4), (8, 1)]));
        assert_eq!(others(1, &[4, 8, 9]), [(-4, 4), (4, 1)]);
        assert_eq!(others(2, &[4, 8, 9]), [(-8, 4), (-4, 4)]);
        // The last part has none.
        assert_eq!(
            (others(1, &[5, 9, 9]), others(2, &[5, 9, 9])),
            (vec![(-5, 5)], vec![(-9, 5), (-4, 4)])
        );
    }

    /// Without the fence most runs of this fail, on every tier that streams.
    #[test]
    fn what_was_streamed_is_seen_when_the_step_is_over() {
        for isa in Isa::all() {
            for len in [1, 3, 10] {
                let mut shown = vec![F32x16::default(); 2 * len];
                let mut own = [OwnWeights::default(), OwnWeights::default()];
                for (index, own) in own.iter_mut().enumerate() {
                    own.begin(&shown, &[len, 2 * len], index);
                }
                let mut team = crate::team::Team::new(2).unwrap();
                let stopped = team.alternate(
                    100_000,
                    (&mut own, &mut [(), ()]),
                    (&mut shown, &[len, 2 * len]),
                    |_, _| (),
                    |step, _, (), shown| shown.iter().rev().all(|x| x.0 == [step as f32; 16]),
                    |step, own, _, shown| {
                        dispatch!(isa, |s| update(s, own.write(shown), (step + 1) as f32));
                        true
                    },
                );
                assert_eq!(stopped, Ok(()), "{len} lines, {isa:?}");
            }
        }
    }
}
