//! The jobs of a team as Rust knows them: who may touch what, and when.

use std::{ptr, slice};

use super::Team;
use super::seats::{Call, Prepare, nothing};

impl Team {
    /// Runs `f` on every part, on as many threads as are free; returns when all are done.
    ///
    /// Panics if there are more parts than threads, or when `f` does.
    pub fn run<P: Send, F: Fn(&mut P) + Sync>(&mut self, parts: &mut [P], f: F) {
        let run = Run { parts: parts.as_mut_ptr(), f };
        // SAFETY: `call_run` expects a `Run` of as many parts, which lives until `perform` returns; from here
        // on the parts are used through its pointer alone. Any thread may: parts are `Send`, and `f` is `Sync`.
        unsafe {
            self.perform((parts.len(), 1), (nothing, call_run::<P, F>), ptr::from_ref(&run).cast())
        };
    }

    /// Takes turns, `rounds` times: in the first half of a round each part writes what is its in `firsts`,
    /// and reads all `seconds`; in the second half it is the other way round. `seconds` are cut into a run for each part,
    /// which ends at the part's number of `ends`. What a part keeps in `own` it may use all the time.
    ///
    /// `prepare(half round, own)` is called once before each half round, as soon as the part is done with the one
    /// before, and so needs nothing of others; when all is over it may have been called for one more. `first(round,
    /// own, its first, all seconds)` and `second(round, own, all firsts, its seconds)` return whether to go on.
    ///
    /// Errors with the number of the half round (from 0) after which it did not go on.
    ///
    /// Panics if there are more parts than threads, not as many `own` as `firsts` and `ends`, if the ends are not in
    /// order or the last is not that of `seconds`, if there are more rounds than a team can count, or when a function
    /// does.
    pub fn alternate<O: Send, A: Send + Sync, B: Send + Sync>(
        &mut self,
        rounds: usize,
        (own, firsts): (&mut [O], &mut [A]),
        (seconds, ends): (&mut [B], &[usize]),
        prepare: impl Fn(usize, &mut O) + Sync,
        first: impl Fn(usize, &mut O, &mut A, &[B]) -> bool + Sync,
        second: impl Fn(usize, &mut O, &[A], &mut [B]) -> bool + Sync,
    ) -> Result<(), usize> {
        let (parts, halves) =
            (own.len(), rounds.checked_mul(2).expect("rounds that can be counted"));
        assert_eq!((firsts.len(), ends.len()), (parts, parts), "what parts write");
        assert!(ends.is_sorted(), "ends in order: {ends:?}");
        assert_eq!(ends.last().copied().unwrap_or(0), seconds.len(), "the last end");
        let turns = Turns {
            own: own.as_mut_ptr(),
            firsts: (firsts.as_mut_ptr(), parts),
            seconds: (seconds.as_mut_ptr(), seconds.len()),
            ends,
            prepare,
            first,
            second,
        };
        let (calls, data) = (calls_of(&turns), ptr::from_ref(&turns).cast());
        // SAFETY: the calls expect the `Turns` of as many parts, which live until `perform` returns; from here on
        // the slices are used through their pointers alone. Any thread may: what parts own is `Send`, what others read
        // of them too `Sync`, and so are the functions.
        let stopped = unsafe { self.perform((parts, halves), calls, data) };
        stopped.map_or(Ok(()), Err)
    }
}

/// Element `index` of the slice that begins with `first`.
///
/// # Safety
///
/// There is one, which nobody else uses during `'a`.
unsafe fn at<'a, T>(first: *mut T, index: usize) -> &'a mut T {
    // SAFETY: the caller promises that the slice has it.
    let element = unsafe { first.add(index) };
    // SAFETY: the caller promises that nobody else uses it.
    unsafe { &mut *element }
}

/// What [`Team::run`] is asked for.
struct Run<P, F> {
    parts: *mut P,
    f: F,
}

/// Works on part `index`.
///
/// # Safety
///
/// `data` points to a `Run<P, F>` that has part `index`, which nobody else uses during the call.
unsafe fn call_run<P, F: Fn(&mut P)>(data: *const (), _: usize, index: usize) -> bool {
    // SAFETY: the caller promises what `data` is.
    let Run { parts, f } = unsafe { &*data.cast::<Run<P, F>>() };
    // SAFETY: the caller promises that the part exists and is this call's alone.
    f(unsafe { at(*parts, index) });
    true
}

/// What [`Team::alternate`] is asked for: what parts write as begin and length.
struct Turns<'a, O, A, B, P, F, G> {
    own: *mut O,
    firsts: (*mut A, usize),
    seconds: (*mut B, usize),
    /// In order, as many as parts; the last is the length.
    ends: &'a [usize],
    prepare: P,
    first: F,
    second: G,
}

/// The functions that prepare half a round of a part of such turns, and do it.
fn calls_of<O, A, B, P, F, G>(_: &Turns<'_, O, A, B, P, F, G>) -> (Prepare, Call)
where
    P: Fn(usize, &mut O),
    F: Fn(usize, &mut O, &mut A, &[B]) -> bool,
    G: Fn(usize, &mut O, &[A], &mut [B]) -> bool,
{
    /// # Safety
    ///
    /// `data` points to a `Turns<O, A, B, P, F, G>` that has part `index`. During the call, none is made for the
    /// same part.
    unsafe fn prepare<O, A, B, P, F, G>(data: *const (), half: usize, index: usize)
    where
        P: Fn(usize, &mut O),
    {
        // SAFETY: the caller promises what `data` is.
        let turns = unsafe { &*data.cast::<Turns<'_, O, A, B, P, F, G>>() };
        // SAFETY: the part exists, and no other call uses what it owns.
        (turns.prepare)(half, unsafe { at(turns.own, index) });
    }

    /// # Safety
    ///
    /// `data` points to a `Turns<O, A, B, P, F, G>` that has part `index`. During the call, another is made for no
    /// other `half`, nor one of either kind for the same part.
    unsafe fn call<O, A, B, P, F, G>(data: *const (), half: usize, index: usize) -> bool
    where
        F: Fn(usize, &mut O, &mut A, &[B]) -> bool,
        G: Fn(usize, &mut O, &[A], &mut [B]) -> bool,
    {
        // SAFETY: the caller promises what `data` is.
        let turns = unsafe { &*data.cast::<Turns<'_, O, A, B, P, F, G>>() };
        // SAFETY: the part exists, and in this half no other call uses what it owns.
        let own = unsafe { at(turns.own, index) };
        let (firsts, seconds) = (turns.firsts, turns.seconds);
        if half.is_multiple_of(2) {
            // SAFETY: the part exists; first halves use each its own first alone.
            let first = unsafe { at(firsts.0, index) };
            // SAFETY: the slice that the turns were made of, to which first halves do not write.
            let seconds = unsafe { slice::from_raw_parts(seconds.0, seconds.1) };
            return (turns.first)(half / 2, own, first, seconds);
        }
        // SAFETY: the slice that the turns were made of, to which second halves do not write.
        let firsts = unsafe { slice::from_raw_parts(firsts.0, firsts.1) };
        let begin = index.checked_sub(1).map_or(0, |before| turns.ends[before]);
        let len = turns.ends[index] - begin;
        // SAFETY: `begin` is within the slice, since the ends are in order and the last is its length.
        let of_part = unsafe { seconds.0.add(begin) };
        // SAFETY: a run of the slice that ends within it, as above, and is this part's alone in second halves.
        let seconds = unsafe { slice::from_raw_parts_mut(of_part, len) };
        (turns.second)(half / 2, own, firsts, seconds)
    }
    (prepare::<O, A, B, P, F, G>, call::<O, A, B, P, F, G>)
}
