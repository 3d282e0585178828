//! From a number to a constant, so that loops over registers have a length that the compiler knows.

/// Runs `$body` with the constant `$N`, which is `$n`, one of the `$case`s.
///
/// Panics if it is none of them.
macro_rules! with_const {
    ($n:expr, [$($case:literal)+], |$N:ident| $body:expr) => {
        match $n {
            $($case => {
                const $N: usize = $case;
                $body
            })+
            other => unreachable!("{other}, one of {:?} is expected", [$($case),+]),
        }
    };
}
pub(crate) use with_const;
