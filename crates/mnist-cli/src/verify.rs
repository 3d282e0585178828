//! `mnist verify`: does this machine get the published weights?

use model::{TrainConfig, Trainer, files::MNIST_SHA256, trainer::Silent};

use crate::args::VerifyArgs;
use crate::data::{DEFAULT_FOLDER, Source};
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::setup;

/// SHA-256 of the weights and biases of the tutorial's run on MNIST with seed 0, as the README prints it.
pub(crate) const PUBLISHED_SHA256: &str =
    "76f542e2e12c1aea97aeca0215d5f4114b9eaea49bcf7bcde3110a204e4df9a0";

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    let source = Source::choose(args.data.as_deref(), None);
    let Source::Folder(folder) = &source else {
        let message = format!("{DEFAULT_FOLDER}: not there, and only MNIST has published weights");
        let remedy = "get it with `cargo xtask fetch-data`, or name its folder with --data";
        return Err(Failure::new(Code::Io, message).remedy(remedy));
    };
    let sets = source.load(10)?;
    if sets.info.sha256 != MNIST_SHA256 {
        let message = format!(
            "{}: not MNIST: the files' SHA-256 is {}, and MNIST's is {MNIST_SHA256}",
            folder.display(),
            sets.info.sha256
        );
        return Err(
            Failure::new(Code::Checksum, message).remedy("get MNIST with `cargo xtask fetch-data`")
        );
    }
    let team = setup::team(&args.machine)?;
    let threads = team.threads();
    let mut trainer = Trainer::new(TrainConfig::default(), &sets.train, 10, isa, team)?;
    trainer.run(&mut Silent)?;
    let found = trainer.parameters().sha256();
    let mut output = Output::default();
    output.line(format_args!("published {PUBLISHED_SHA256}"));
    let s = if threads == 1 { "" } else { "s" };
    output.line(format_args!("found     {found} ({}, {threads} thread{s})", isa.name()));
    if found == PUBLISHED_SHA256 {
        output.line("equal: this machine trains the same model, bit for bit");
        return output.finish();
    }
    output.finish()?;
    let message = "the weights of the tutorial's run differ from the published ones";
    Err(Failure::new(Code::Checksum, message).remedy("please report it with your processor's name"))
}
