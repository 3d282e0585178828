//! Odd surroundings: files that are no files, outputs that are inputs, little memory, few threads, small
//! terminals. Whatever happens, it is an exit code of ours or the system's clean end, never a panic, and
//! no model stands that is not whole.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
#[cfg(unix)]
use std::process::Command;

use common::{Sandbox, put, run};

const TRAIN: &str = "train --data data --validation 10 --batch-size 20 --epochs 1 --out out";

fn small() -> Sandbox {
    Sandbox::with_digits(60, 20)
}

#[test]
fn an_output_that_is_an_input() {
    let sandbox = small();
    for name in ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        let path = format!("data/{name}");
        let before = fs::read(sandbox.path(&path)).unwrap();
        for given in [&path, &format!("data/../data/{name}")] {
            let words = format!("{TRAIN} --metrics {given}");
            sandbox.refused(&words, 2, &[given, "is a file of the data", "; name another"]);
        }
        assert_eq!(fs::read(sandbox.path(&path)).unwrap(), before);
    }
    assert_eq!(sandbox.names("."), ["data"], "nothing is written");
    // Beside the data is no harm.
    sandbox.ok(&TRAIN.replace("--out out", "--out data"));
    sandbox.ok(TRAIN);
}

#[test]
fn paths_that_look_like_options() {
    let sandbox = small();
    sandbox.refused("inspect -", 4, &["-: cannot be opened"]);
    sandbox.refused("train --data -", 4, &["-: cannot be opened"]);
    sandbox.run("inspect -x").usage("--help");
    put(&sandbox.path("-x"), &[2], vec![1, 2]);
    sandbox.ok("inspect -- -x");
    sandbox.refused("inspect a\u{0}b".trim_end_matches("\u{0}b"), 4, &["a: cannot be opened"]);
}

#[test]
fn names_of_classes_that_cannot_be_read_or_are_none() {
    let sandbox = small();
    let names = sandbox.path("data/dataset.json");
    for (text, part) in [
        ("", "not a list of classes"),
        ("{", "not a list of classes"),
        ("[]", "not a list of classes"),
        (r#"{"name":1,"classes":[]}"#, "not a list of classes"),
        (&"[".repeat(100_000), "not a list of classes"),
    ] {
        fs::write(&names, text).unwrap();
        sandbox.refused(TRAIN, 3, &["data/dataset.json", part, "; mend it, or remove it"]);
    }
    // Sparse: as large as a disk, and it takes no room.
    fs::File::create(&names).unwrap().set_len(1 << 40).unwrap();
    sandbox.refused(TRAIN, 3, &["data/dataset.json", "more than 4194304 bytes"]);
    fs::write(&names, r#"{"name":"a\u001b[31m\nb","classes":[]}"#).unwrap();
    let printed = sandbox.ok(TRAIN);
    assert!(!printed.contains('\u{1b}'), "{printed}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&names, fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read it all the same.
        if fs::File::open(&names).is_err() {
            sandbox.refused(TRAIN, 4, &["data/dataset.json: cannot be opened", "; check"]);
        }
    }
}

/// As somebody else than the superuser, who may read everything.
#[cfg(target_os = "linux")]
#[test]
fn files_that_this_user_may_not_read() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let sandbox = small();
    let open = |path: &str, mode| {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let nobody = |words: &str| {
        let mut command = sandbox.command(words.split(' '));
        run(command.uid(65_534).gid(65_534))
    };
    open(".", 0o777);
    let mut probe = sandbox.command(["--version"]);
    if !probe.uid(65_534).gid(65_534).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: only the superuser can become another user");
        return;
    }
    fs::write(sandbox.path("data/dataset.json"), r#"{"name":"a","classes":["0"]}"#).unwrap();
    for name in ["dataset.json", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"] {
        open(&format!("data/{name}"), 0o000);
        nobody(TRAIN).refused(4, &[&format!("data/{name}"), "cannot be opened", "Permission"]);
        open(&format!("data/{name}"), 0o644);
    }
    open("data", 0o000);
    nobody(TRAIN).refused(4, &["data: cannot be opened", "Permission"]);
    open("data", 0o755);
    fs::create_dir(sandbox.path("kept")).unwrap();
    nobody(&TRAIN.replace("--out out", "--out kept")).refused(4, &["kept", "cannot be written"]);
    fs::write(sandbox.path("model.safetensors"), "").unwrap();
    open("model.safetensors", 0o000);
    nobody("inspect model.safetensors").refused(4, &["model.safetensors", "cannot be opened"]);
    assert_eq!(sandbox.names("kept"), [""; 0]);
}

/// Whatever is too little, the end is clean: done, one line and a code of ours, or an abort for lack of
/// memory; and a model that is there is whole.
#[cfg(unix)]
#[test]
fn little_memory_and_few_threads() {
    use std::os::unix::process::ExitStatusExt;
    let sandbox = Sandbox::with_digits(2000, 200);
    let mut ends = std::collections::BTreeMap::new();
    let mut limits: Vec<String> =
        (0..20).map(|i| format!("ulimit -v {}", 10_000 << (i / 2))).collect();
    // Shells differ in its name; the superuser has no such limit.
    let processes = |n: i32| format!("{{ ulimit -u {n} 2> /dev/null || ulimit -p {n}; }}");
    limits.extend((0..8).map(processes));
    limits.push("ulimit -s 64".into());
    for limit in &limits {
        let _ = fs::remove_dir_all(sandbox.path("out"));
        let limited = |words: &str| {
            let script = format!("{limit} && exec \"$0\" \"$@\"");
            let mut command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_mnist")]).args(words.split(' '));
            command.current_dir(sandbox.path(".")).output().unwrap()
        };
        // A program whose own pages are too many is killed by the system before its first instruction.
        if !limited("--version").status.success() {
            *ends.entry((None, None)).or_insert(0) += 1;
            continue;
        }
        let output = limited(&format!("{TRAIN} --threads 4"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        // One panic is the standard library's own, in a thread that it begins and has no memory for: it has no other way
        // to end it, and the program then ends as it does wherever memory is missing.
        let of_std = stderr.matches("failed to allocate an alternative stack").count();
        assert_eq!(stderr.matches("panicked").count(), of_std, "{limit}: {stderr}");
        // 127: the system could not load the program; 6: it ended itself, for lack of memory.
        let end = (output.status.code(), output.status.signal());
        let is_clean = matches!(end, (Some(0 | 4 | 127), None) | (None, Some(6)));
        assert!(is_clean || stderr.contains("memory"), "{limit}: {end:?} {stderr}");
        *ends.entry(end).or_insert(0) += 1;
        let model = sandbox.path("out/model.safetensors");
        let is_there = model.exists();
        assert!(!is_there || model::Model::read(&model).is_ok(), "{limit}: a part of a model");
        assert!(is_there || output.status.code() != Some(0), "{limit}: done without a model");
    }
    println!("{} limits; exit codes and signals: {ends:?}", limits.len());
    assert!(ends[&(Some(0), None)] >= 8, "{ends:?}");
    assert!(ends.get(&(None, None)).is_none_or(|&unloaded| unloaded <= 6), "{ends:?}");
}

#[test]
fn terminals_and_homes() {
    let sandbox = small();
    sandbox.ok(TRAIN);
    for (name, value) in [("COLUMNS", "20"), ("COLUMNS", "0"), ("NO_COLOR", "1"), ("TERM", "dumb")]
    {
        for words in ["inspect data", "inspect out/model.safetensors", "--help", "train --help"] {
            let printed = run(sandbox.command(words.split(' ')).env(name, value)).ok();
            assert!(!printed.contains('\u{1b}'), "{name}={value} {words}");
        }
    }
    let mut command = sandbox.command(TRAIN.split(' '));
    run(command.env_clear()).ok();
}
