//! A tip for who gives an option of `mnist train` without its command, or to another one.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::TrainCli;

/// The error, with a tip where the unknown argument is an option of training and there is no tip of how to give it yet.
pub(super) fn with_tip(mut error: Error) -> Error {
    let has_tip = error.get(ContextKind::Suggested).is_some();
    if error.kind() == ErrorKind::UnknownArgument
        && !has_tip
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && let Some(option) = word.strip_prefix("--")
        && TrainCli::command().get_arguments().any(|known| known.get_long() == Some(option))
    {
        let tip = format!("--{option} is an option of training: mnist train --{option} ...");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
