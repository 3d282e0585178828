//! Files that are no files, writing, and the names of a set.

mod common;

use std::fs;
use std::path::Path;

use common::{gzip, names, put, small};
use idx::{
    Compression, ErrorKind, FaultClass, Idx, Presence, Role, find, find_all, presence, read, write,
};

#[track_caller]
fn check_open(path: impl AsRef<Path>) {
    let error = read(&path).expect_err("opened");
    assert!(matches!(error.kind, ErrorKind::Open(_)), "{error}");
    assert_eq!((error.path.as_path(), error.class()), (path.as_ref(), FaultClass::Io));
    assert!(!error.to_string().contains(['\n', '\0']), "{error:?}");
}

#[track_caller]
fn check_irregular(path: impl AsRef<Path>, expected: &str) {
    let error = read(path).expect_err("read");
    let ErrorKind::NotARegularFile { found } = error.kind else { panic!("{error}") };
    assert_eq!(found, expected);
}

fn any() -> Idx {
    idx::parse(&small()).expect("valid")
}

#[test]
fn names_play_no_part_in_reading() {
    let folder = tempfile::tempdir().unwrap();
    let raw = read(put(folder.path(), "raw.gz", &small())).unwrap();
    let zipped = read(put(folder.path(), "zipped", &gzip(&small()))).unwrap();
    assert_eq!(raw, zipped);
}

#[test]
fn what_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    check_open(folder.path().join("missing"));
    check_open("");
    check_open("a\0b");
    check_open("x".repeat(4096));
    check_irregular(folder.path(), "a folder");
}

#[cfg(unix)]
#[test]
fn what_is_not_a_file() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("loop");
    symlink(&link, &link).unwrap();
    check_open(&link);

    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    check_irregular(&socket, "a pipe or a device");
    for device in ["/dev/zero", "/dev/null"] {
        check_irregular(device, "a pipe or a device");
    }

    // A reader that opened it would wait for ever.
    let fifo = folder.path().join("fifo");
    if std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success()) {
        check_irregular(&fifo, "a pipe or a device");
        let link = folder.path().join("link");
        symlink(&fifo, &link).unwrap();
        check_irregular(&link, "a pipe or a device");
    }

    let locked = put(folder.path(), "locked", &small());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read it all the same.
    if fs::File::open(&locked).is_err() {
        check_open(&locked);
    }
}

/// A regular file by its type, of length 0 by its metadata, that gives text.
#[cfg(target_os = "linux")]
#[test]
fn what_has_no_length() {
    assert_eq!(read("/proc/self/maps").unwrap_err().class(), FaultClass::Content);
}

#[test]
fn sparse_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "sparse", &small());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(8 << 30).unwrap();
    let error = read(&path).unwrap_err();
    let extra = (8 << 30) - 40;
    assert!(
        matches!(error.kind, ErrorKind::TrailingData { expected_bytes: 24, extra_bytes } if extra_bytes == extra)
    );
}

#[test]
fn writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write(&path, &any(), Compression::None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), small());
    write(&path, &any(), Compression::Gzip).unwrap();
    let zipped = fs::read(&path).unwrap();
    assert_eq!(zipped[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert_eq!(read(&path).unwrap(), any());

    write(&path, &any(), Compression::Gzip).unwrap();
    assert_eq!(fs::read(&path).unwrap(), zipped);
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn writing_removes_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let left = format!(".file.tmp.{}.0", std::process::id());
    put(folder.path(), &left, b"left");
    write(folder.path().join("file"), &any(), Compression::None).unwrap();
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn writing_where_one_cannot() {
    #[track_caller]
    fn check(path: impl AsRef<Path>) {
        let error = write(path.as_ref(), &any(), Compression::None).expect_err("written");
        assert!(matches!(error.kind, ErrorKind::Write(_)), "{error}");
        assert_eq!((error.path.as_path(), error.class()), (path.as_ref(), FaultClass::Io));
    }
    let folder = tempfile::tempdir().unwrap();
    check(folder.path().join("no/such/folder"));
    check("/");
    check("");
    check("a\0b");
    let occupied = folder.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    check(&occupied);
    assert_eq!(names(folder.path()), ["occupied"]);
}

const MNIST: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A folder with empty files of these names; what is found of each role.
#[track_caller]
fn check_names(present: &[&str], expected: [Option<&str>; 4]) {
    let folder = tempfile::tempdir().expect("a folder");
    for name in present {
        put(folder.path(), name, b"");
    }
    let path = |name: &str| folder.path().join(name);
    for (role, expected) in Role::ALL.into_iter().zip(expected) {
        match find(folder.path(), role) {
            Ok(found) => assert_eq!(Some(found), expected.map(path), "{role}"),
            Err(error) => {
                assert_eq!(expected, None, "{error}");
                assert_eq!(error.path, folder.path());
                let ErrorKind::Missing { roles, .. } = &error.kind else { panic!("{error}") };
                assert_eq!(*roles, [role]);
            }
        }
    }
    let missing: Vec<Role> =
        Role::ALL.into_iter().zip(expected).filter(|(_, e)| e.is_none()).map(|(r, _)| r).collect();
    let here = presence(folder.path()).expect("listed");
    match find_all(folder.path()) {
        Ok(files) => {
            for (role, expected) in Role::ALL.into_iter().zip(expected) {
                assert_eq!(Some(files.path(role)), expected.map(path).as_deref());
            }
            assert_eq!(here, Presence::Whole(files));
            assert_eq!(missing, []);
        }
        Err(error) => {
            let ErrorKind::Missing { roles, .. } = &error.kind else { panic!("{error}") };
            assert_eq!(*roles, missing);
            let expected = match missing.len() {
                4 => Presence::Absent,
                _ => Presence::Partial { missing },
            };
            assert_eq!(here, expected);
        }
    }
}

#[test]
fn files_under_other_names_are_cited() {
    let folder = tempfile::tempdir().expect("a folder");
    let present = [
        "train-images-idx3-ubyte",
        "notes.txt",
        "emnist-letters-train-labels-idx1-ubyte.gz",
        "5-IDX1",
        "4-idx1",
        "3-idx1",
        "2-idx1",
    ];
    for name in present {
        put(folder.path(), name, b"");
    }
    let error = find_all(folder.path()).expect_err("three files are missing");
    let ErrorKind::Missing { roles, others } = &error.kind else { panic!("{error}") };
    assert_eq!(*roles, Role::ALL[1..]);
    assert_eq!(*others, ["2-idx1", "3-idx1", "4-idx1", "5-IDX1"].map(std::path::PathBuf::from));
}

#[test]
fn spellings() {
    check_names(&MNIST, MNIST.map(Some));
    let zipped = MNIST.map(|name| format!("{name}.gz"));
    check_names(&zipped.each_ref().map(|n| &n[..]), zipped.each_ref().map(|n| Some(&n[..])));
    let dotted = MNIST.map(|name| name.replace("-idx", ".idx"));
    check_names(&dotted.each_ref().map(|n| &n[..]), dotted.each_ref().map(|n| Some(&n[..])));
    let upper = zipped.map(|name| name.to_uppercase());
    check_names(&upper.each_ref().map(|n| &n[..]), upper.each_ref().map(|n| Some(&n[..])));
    let integers = ["train-labels-idx2-int", "t10k-labels.idx2-int.GZ"];
    check_names(&integers, [None, Some(integers[0]), None, Some(integers[1])]);
    let qmnist = [
        "qmnist-train-images-idx3-ubyte.gz",
        "qmnist-train-labels-idx2-int.gz",
        "qmnist-test-images-idx3-ubyte.gz",
        "qmnist-test-labels-idx2-int.gz",
    ];
    check_names(&qmnist, qmnist.map(Some));
}

#[test]
fn choices() {
    let zipped = MNIST.map(|name| format!("{name}.gz"));
    let both: Vec<&str> = MNIST.into_iter().chain(zipped.iter().map(|n| &n[..])).collect();
    check_names(&both, MNIST.map(Some));
    let one = |name| [Some(name), None, None, None];
    check_names(&["train-images.idx3-ubyte", MNIST[0]], one(MNIST[0]));
    check_names(
        &["train-images.idx3-ubyte", "train-images-idx3-ubyte.gz"],
        one("train-images.idx3-ubyte"),
    );
    check_names(
        &["train-labels-idx2-int", "train-labels.idx1-ubyte"],
        [None, Some("train-labels.idx1-ubyte"), None, None],
    );
    #[cfg(target_os = "linux")]
    check_names(
        &["train-images-idx3-ubyte", "TRAIN-images-idx3-ubyte", "Train-images-idx3-ubyte"],
        one("TRAIN-images-idx3-ubyte"),
    );
}

#[test]
fn other_names() {
    check_names(&[], [None; 4]);
    check_names(
        &["train-images-idx3-ubyte.gz.part", "xtrain-images-idx3-ubyte", "train-images", "README"],
        [None; 4],
    );
    check_names(&MNIST[..3], [Some(MNIST[0]), Some(MNIST[1]), Some(MNIST[2]), None]);
}

/// Some archives hold a folder of the dashed name beside a file of the dotted one.
#[test]
fn folders_of_these_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(MNIST[0])).unwrap();
    assert!(find(folder.path(), Role::TrainImages).is_err());
    let dotted = put(folder.path(), "train-images.idx3-ubyte", b"");
    assert_eq!(find(folder.path(), Role::TrainImages).unwrap(), dotted);
}

#[test]
fn folders_that_cannot_be_listed() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert_eq!(presence(&missing).unwrap(), Presence::Absent);
    let file = put(folder.path(), "file", b"");
    assert!(matches!(presence(&file).unwrap_err().kind, ErrorKind::Open(_)));
    for path in [&missing, &file] {
        for error in [find_all(path).unwrap_err(), find(path, Role::TestLabels).unwrap_err()] {
            assert!(matches!(error.kind, ErrorKind::Open(_)), "{error}");
            assert_eq!(error.path, *path);
        }
    }
}
