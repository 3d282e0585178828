//! Kept data sets: the same as from their files, whatever happened to the cache meanwhile.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use idx::{Compression, ErrorKind, Idx, Role};
use model::{CacheUse, DataSets, LoadError};
use tempfile::TempDir;

/// Pixels of image `i`: ink in some blocks, the first and last among them.
fn pixels(n: usize, (height, width): (usize, usize)) -> Vec<u8> {
    (0..n * height * width).map(|i| if i % 13 < 3 { (i % 251) as u8 } else { 0 }).collect()
}

/// The data of a test, the folder that keeps them, and what they are without it.
struct Kept {
    folder: TempDir,
    expected: DataSets,
}

impl Kept {
    fn new(n: [usize; 2], shape: (usize, usize), compression: Compression) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        write(&data, n, shape, compression);
        let expected = DataSets::read(&data, 10).unwrap();
        Self { folder, expected }
    }

    /// 40 and 15 images of 5 x 3 pixels, which have lanes past their edge.
    fn small() -> Self {
        Self::new([40, 15], (5, 3), Compression::None)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/of/mine")
    }

    /// Loads, proves that nothing differs and tells what became of the cache.
    #[track_caller]
    fn load(&self) -> CacheUse {
        let (sets, cache_use) = DataSets::read_cached(&self.data(), 10, &self.cache()).unwrap();
        check_same(&sets, &self.expected);
        cache_use
    }

    /// The only file of the cache.
    #[track_caller]
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.cache()).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none(), "one file, and no temporary");
        file
    }
}

fn write(data: &Path, n: [usize; 2], shape: (usize, usize), compression: Compression) {
    for (set, (images, labels)) in
        [(Role::TrainImages, Role::TrainLabels), (Role::TestImages, Role::TestLabels)]
            .into_iter()
            .enumerate()
    {
        let dims = vec![n[set], shape.0, shape.1];
        let put = |role: Role, idx: Idx| {
            idx::write(data.join(role.names()[0]), &idx, compression).unwrap();
        };
        put(images, Idx::from_u8(dims, pixels(n[set], shape)).unwrap());
        let classes = (0..n[set]).map(|i| (i * 7 % 10) as u8).collect();
        put(labels, Idx::from_u8(vec![n[set]], classes).unwrap());
    }
}

#[track_caller]
fn check_same(found: &DataSets, expected: &DataSets) {
    assert_eq!(found.info, expected.info);
    for (found, expected) in [(&found.train, &expected.train), (&found.test, &expected.test)] {
        // Not assert_eq, which would print all pixels.
        assert!(found.images() == expected.images() && found.labels() == expected.labels());
    }
}

#[track_caller]
fn check_hit(cache_use: &CacheUse) {
    assert!(matches!(cache_use, CacheUse::Hit), "{cache_use:?}");
}

#[track_caller]
fn check_kept(cache_use: &CacheUse) {
    assert!(matches!(cache_use, CacheUse::Kept), "{cache_use:?}");
}

#[test]
fn what_is_kept_comes_back() {
    let shapes = [(5, 3), (28, 28), (1, 17), (2, 4), (16, 64)];
    for (shape, compression) in
        shapes.into_iter().flat_map(|s| [(s, Compression::None), (s, Compression::Gzip)])
    {
        let kept = Kept::new([30, 20], shape, compression);
        check_kept(&kept.load());
        let bytes = fs::read(kept.file()).unwrap();
        check_hit(&kept.load());
        // The same data make the same file.
        fs::remove_file(kept.file()).unwrap();
        check_kept(&kept.load());
        assert_eq!(fs::read(kept.file()).unwrap(), bytes);
    }
    // Values of several pieces.
    let kept = Kept::new([9_000, 10], (28, 28), Compression::None);
    check_kept(&kept.load());
    assert!(fs::metadata(kept.file()).unwrap().len() > 3 << 20);
    check_hit(&kept.load());
}

/// Images of one block: bits in five pieces, labels and values in two.
#[test]
fn every_piece_is_read_and_checked() {
    let (n, piece_bytes) = ([270_000, 10], 1 << 20);
    let kept = Kept::new(n, (2, 4), Compression::None);
    check_kept(&kept.load());
    check_hit(&kept.load());
    let (path, bytes) = (kept.file(), fs::read(kept.file()).unwrap());
    let parts =
        [n[0] * 16, n[0] * 4, u32_at(&bytes, 80) * 8, n[1] * 16, n[1] * 4, u32_at(&bytes, 100) * 8];
    let pieces = parts.map(|part| part.div_ceil(piece_bytes));
    assert_eq!(pieces, [5, 2, 2, 1, 1, 1]);
    let mut start = Form::SMALL.sums + 4 * pieces.iter().sum::<usize>() + 4;
    assert_eq!(start + parts.iter().sum::<usize>(), bytes.len());
    for part in parts {
        for piece in (0..part).step_by(piece_bytes) {
            let end = (piece + piece_bytes).min(part);
            for at in [piece, end - 1] {
                let mut changed = bytes.clone();
                changed[start + at] ^= 1;
                fs::write(&path, changed).unwrap();
                check_kept(&kept.load());
            }
        }
        start += part;
    }
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn what_cannot_be_read_is_not_kept_and_spoils_nothing() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let (good, bytes) = (kept.file(), fs::read(kept.file()).unwrap());
    let read = || DataSets::read_cached(&kept.data(), 10, &kept.cache());
    fs::write(kept.data().join(Role::TrainLabels.names()[0]), "no labels at all").unwrap();
    let Err(LoadError::Idx(error)) = read() else { panic!("no labels") };
    assert!(matches!(error.kind, ErrorKind::BadMagic { .. }), "{error}");
    write(&kept.data(), [40, 15], (5, 3), Compression::None);
    fs::remove_file(kept.data().join(Role::TestImages.names()[0])).unwrap();
    let Err(LoadError::Idx(error)) = read() else { panic!("a file is missing, hit or not") };
    assert!(matches!(error.kind, ErrorKind::Missing { .. }), "{error}");
    assert_eq!((kept.file(), fs::read(&good).unwrap()), (good, bytes));
}

/// A pixel that was changed behind fitting checksums comes back: on a hit the files are hashed, and nothing
/// of them is inflated or packed.
#[test]
fn a_hit_takes_its_data_from_the_cache_alone() {
    let kept = Kept::new([40, 15], (5, 3), Compression::Gzip);
    check_kept(&kept.load());
    let mut bytes = fs::read(kept.file()).unwrap();
    let at = (Form::SMALL.payload..bytes.len()).rfind(|&at| bytes[at] > 1).unwrap();
    bytes[at] ^= 1;
    mend(&mut bytes);
    fs::write(kept.file(), bytes).unwrap();
    let (sets, cache_use) = DataSets::read_cached(&kept.data(), 10, &kept.cache()).unwrap();
    check_hit(&cache_use);
    assert!(sets.test.images() != kept.expected.test.images());
    assert_eq!(sets.info, kept.expected.info);
}

#[test]
fn every_cut_and_every_changed_byte_is_found_out_and_mended() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let (path, bytes) = (kept.file(), fs::read(kept.file()).unwrap());
    let mut damaged: Vec<(String, Vec<u8>)> = Vec::new();
    for at in 0..bytes.len() {
        damaged.push((format!("cut at {at}"), bytes[..at].to_vec()));
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            damaged.push((format!("byte {at} ^ {flip:#x}"), changed));
        }
    }
    damaged.push(("one byte more".into(), [&bytes[..], &[0]].concat()));
    damaged.push(("twice".into(), bytes.repeat(2)));
    damaged.push(("zeros".into(), vec![0; bytes.len()]));
    for (what, damage) in &damaged {
        fs::write(&path, damage).unwrap();
        let cache_use = kept.load();
        assert!(matches!(cache_use, CacheUse::Kept), "{what}: {cache_use:?}");
        assert!(fs::read(&path).unwrap() == bytes, "{what}: not mended");
    }
    check_hit(&kept.load());
    println!("{} damaged files", damaged.len());
}

/// Where the two sums of a small set's header stand, and what follows.
struct Form {
    sums: usize,
    payload: usize,
}

impl Form {
    /// Fixed bytes, six pieces, the header's own sum.
    const SMALL: Self = Self { sums: 104, payload: 104 + 6 * 4 + 4 };

    /// Sizes of the pieces of `Kept::small` with so many values in its sets; bits are a word for each half of the blocks.
    fn pieces(values: [usize; 2]) -> [usize; 6] {
        [40 * 16, 40 * 4, values[0] * 8, 15 * 16, 15 * 4, values[1] * 8]
    }
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Makes all checksums fit again.
fn mend(bytes: &mut [u8]) {
    let values = [u32_at(bytes, 80), u32_at(bytes, 100)];
    let Form { sums, payload } = Form::SMALL;
    let mut at = payload;
    for (i, size) in Form::pieces(values).into_iter().enumerate() {
        let Some(piece) = bytes.get(at..at + size) else { break };
        let sum = crc32fast::hash(piece).to_le_bytes();
        bytes[sums + 4 * i..][..4].copy_from_slice(&sum);
        at += size;
    }
    let own = crc32fast::hash(&bytes[..payload - 4]).to_le_bytes();
    bytes[payload - 4..payload].copy_from_slice(&own);
}

/// Damage behind checksums that fit: what is taken is some set of images, and nothing panics.
#[test]
fn whatever_has_its_checksums_is_a_data_set_or_refused() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let (path, bytes) = (kept.file(), fs::read(kept.file()).unwrap());
    let mut mended = bytes.clone();
    mend(&mut mended);
    assert_eq!(mended, bytes, "the form is the one that is told of here");
    let mut taken = 0;
    for at in 8..bytes.len() {
        if (Form::SMALL.sums..Form::SMALL.payload).contains(&at) {
            continue;
        }
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            mend(&mut changed);
            fs::write(&path, &changed).unwrap();
            let (sets, cache_use) = DataSets::read_cached(&kept.data(), 10, &kept.cache()).unwrap();
            let is_hit = matches!(cache_use, CacheUse::Hit);
            if !is_hit {
                check_same(&sets, &kept.expected);
                assert!(fs::read(&path).unwrap() == bytes, "byte {at} ^ {flip:#x}: not mended");
            }
            // SHA-256, labels below 10 and pixels may be others; versions, key, sizes and bits may not.
            let [having, labels, values, more_having, more_labels, _] =
                Form::pieces([u32_at(&bytes, 80), u32_at(&bytes, 100)]);
            let in_bits = |start: usize, size: usize| (start..start + size).contains(&at);
            let second = Form::SMALL.payload + having + labels + values;
            let is_fixed = at < 32
                || (64..104).contains(&at)
                || in_bits(Form::SMALL.payload, having)
                || in_bits(second, more_having);
            assert!(!(is_fixed && is_hit), "byte {at} ^ {flip:#x} is taken");
            taken += usize::from(is_hit);
            for data in [&sets.train, &sets.test] {
                assert!(data.labels().iter().all(|&label| label < 10));
                (0..data.len()).for_each(|i| assert_eq!(data.image(i).len(), 15));
            }
            assert!(more_labels > 0);
        }
    }
    assert!(taken > 1000, "pixels are taken as they are: {taken}");
}

#[test]
fn other_data_other_versions_and_what_is_no_file() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let (path, bytes) = (kept.file(), fs::read(kept.file()).unwrap());
    // Another version, its checksums right.
    for at in [8, 12] {
        let mut other = bytes.clone();
        other[at] += 1;
        mend(&mut other);
        fs::write(&path, other).unwrap();
        check_kept(&kept.load());
    }
    // The file of other data under this name.
    let other = Kept::new([40, 16], (5, 3), Compression::None);
    check_kept(&other.load());
    fs::copy(other.file(), &path).unwrap();
    check_kept(&kept.load());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    // Other data have a name of their own, in the same folder.
    write(&kept.data(), [41, 15], (5, 3), Compression::None);
    let (sets, cache_use) = DataSets::read_cached(&kept.data(), 10, &kept.cache()).unwrap();
    check_kept(&cache_use);
    assert_eq!((sets.train.len(), fs::read_dir(kept.cache()).unwrap().count()), (41, 2));
    write(&kept.data(), [40, 15], (5, 3), Compression::None);
    check_hit(&kept.load());
    // A folder in its place can't be replaced.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(kept.load(), CacheUse::NotWritten { path: at, .. } if at == path));
    // A sparse file of the right start, far longer than a kept set may be.
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &bytes).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    check_kept(&kept.load());
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_its_place_is_not_waited_for() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let path = kept.file();
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if made.is_ok_and(|status| status.success()) {
        check_kept(&kept.load());
        check_hit(&kept.load());
    }
}

#[test]
fn what_cannot_be_kept_is_read_all_the_same() {
    let kept = Kept::small();
    // A file where the folder should be.
    fs::write(kept.folder.path().join("cache"), "").unwrap();
    let cache_use = kept.load();
    assert!(
        matches!(&cache_use, CacheUse::NotWritten { path, .. } if *path == kept.cache()),
        "{cache_use:?}"
    );
    // f32 features.
    fs::remove_file(kept.folder.path().join("cache")).unwrap();
    for (role, n) in [(Role::TrainImages, 40), (Role::TestImages, 15)] {
        let features = Idx::from_values(vec![n, 2], &vec![0.5_f32; 2 * n]).unwrap();
        let path = kept.data().join(role.names()[0]);
        idx::write(path, &features, Compression::None).unwrap();
    }
    let (sets, cache_use) = DataSets::read_cached(&kept.data(), 10, &kept.cache()).unwrap();
    assert!(matches!(cache_use, CacheUse::Unfit), "{cache_use:?}");
    assert_eq!((sets.train.features(), kept.cache().exists()), (2, false));
}

#[test]
fn labels_are_held_against_the_classes_of_this_run() {
    let kept = Kept::small();
    check_kept(&kept.load());
    let read = |classes| DataSets::read_cached(&kept.data(), classes, &kept.cache());
    let Err(LoadError::Idx(error)) = read(9) else { panic!("there are labels of 9") };
    assert!(matches!(error.kind, ErrorKind::LabelOutOfRange { label: 9, .. }), "{error}");
    let (sets, cache_use) = read(11).unwrap();
    check_hit(&cache_use);
    assert_eq!(sets.info.classes.len(), 11);
    // Names are read anew each time.
    let names = r#"{"name":"shapes","classes":["a","b","c","d","e","f","g","h","i","j"]}"#;
    fs::write(kept.data().join("dataset.json"), names).unwrap();
    let (sets, cache_use) = read(10).unwrap();
    check_hit(&cache_use);
    assert_eq!(sets.info, DataSets::read(&kept.data(), 10).unwrap().info);
    assert_eq!((sets.info.name.as_deref(), &*sets.info.classes[9]), (Some("shapes"), "j"));
}

/// MNIST, where it is at hand.
#[test]
fn mnist_is_kept_in_19_megabytes() {
    let Some(data) = std::env::var_os("MNIST_DATA").map(PathBuf::from) else { return };
    let cache = tempfile::tempdir().unwrap();
    let expected = DataSets::read(&data, 10).unwrap();
    for is_hit in [false, true] {
        let (sets, cache_use) = DataSets::read_cached(&data, 10, cache.path()).unwrap();
        if is_hit {
            check_hit(&cache_use)
        } else {
            check_kept(&cache_use)
        }
        check_same(&sets, &expected);
    }
    let file = fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap();
    assert!((18_500_000..19_500_000).contains(&file.metadata().unwrap().len()));
}
