//! Which instructions the processor has, as a token that proves it.
//!
//! An [`Isa`] is made only by detection, so whoever holds one may use its instructions. Each public kernel
//! takes one and enters its tier once per call with [`dispatch!`]; everything below that call is generic
//! over [`Simd`](crate::simd::Simd) and inlined into the tier's entry, where the compiler may use the
//! tier's instructions.

use std::fmt;

use crate::simd::Portable;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};

/// A set of instructions that this processor has been seen to have.
///
/// ```
/// use kernels::Isa;
/// let isa = Isa::detect();
/// assert!(Isa::all().contains(&isa));
/// assert_eq!(Isa::named("portable").map(|isa| isa.name()), Ok("portable"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(pub(crate) Tier);

/// The tiers, each with the proof of its instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

/// A tier that was asked for by name and can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsaError {
    /// No tier has this name.
    Unknown(String),
    /// The processor lacks the instructions of this tier.
    Unsupported(&'static str),
}

/// The names of the tiers, the widest first.
pub const TIER_NAMES: [&str; 3] = ["avx512", "avx2", "portable"];

impl Isa {
    /// Every tier that this processor supports, the fastest first; the last is always `portable`.
    pub fn all() -> Vec<Self> {
        let tiers = [
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Tier::Avx512),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Tier::Avx2),
            Some(Tier::Portable(Portable)),
        ];
        tiers.into_iter().flatten().map(Self).collect()
    }

    /// The fastest tier that this processor supports.
    pub fn detect() -> Self {
        Self::all()[0]
    }

    /// The tier called `name`: `avx512`, `avx2` (with FMA) or `portable`.
    pub fn named(name: &str) -> Result<Self, IsaError> {
        let known = TIER_NAMES.into_iter().find(|&known| known == name);
        let known = known.ok_or_else(|| IsaError::Unknown(name.to_owned()))?;
        let found = Self::all().into_iter().find(|isa| isa.name() == known);
        found.ok_or(IsaError::Unsupported(known))
    }

    /// The tier's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512(_) => TIER_NAMES[0],
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2(_) => TIER_NAMES[1],
            Tier::Portable(_) => TIER_NAMES[2],
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({})", self.name())
    }
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = TIER_NAMES.join(", ");
        match self {
            Self::Unknown(name) => write!(f, "no tier is called {name:?}; there are {names}"),
            Self::Unsupported(name) => {
                let own: Vec<_> = Isa::all().into_iter().map(Isa::name).collect();
                write!(f, "this processor has no {name}; it has {}", own.join(", "))
            }
        }
    }
}

impl std::error::Error for IsaError {}

/// Runs `$body` with `$s` bound to the token of the tier of `$isa`, compiled for that tier.
///
/// The body must be a call of an `#[inline(always)]` function generic over `Simd`, so that it ends up
/// inside the tier's `#[target_feature]` entry.
macro_rules! dispatch {
    ($isa:expr, |$s:ident| $body:expr) => {
        match $isa.0 {
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Tier::Avx512(tier) => tier.enter(
                #[inline(always)]
                |$s| $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Tier::Avx2(tier) => tier.enter(
                #[inline(always)]
                |$s| $body,
            ),
            $crate::isa::Tier::Portable($s) => $body,
        }
    };
}
pub(crate) use dispatch;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_tier() {
        for isa in Isa::all() {
            assert_eq!(Isa::named(isa.name()), Ok(isa));
        }
        let error = Isa::named("sse9").unwrap_err();
        assert_eq!(error, IsaError::Unknown("sse9".into()));
        assert!(error.to_string().contains("avx512, avx2, portable"));
    }

    /// Where a machine is meant to have a tier, its absence is a failure and not a skipped test.
    #[test]
    fn the_required_tier_is_there() {
        if let Ok(name) = std::env::var("MNIST_REQUIRE_ISA") {
            Isa::named(&name).unwrap();
        }
    }
}
