//! The data sets that can be fetched: mirrors, sizes, sums, class names and licences.
//!
//! Every file has the SHA-256 of its `.gz` pinned, by type; so a mirror can do harm only to the
//! clock, and plain http is safe where nothing better is offered. MNIST's uncompressed bytes are
//! pinned too, which lets a `.gz` that somebody packed again pass (mirrors have done that). For
//! Fashion-MNIST and KMNIST no independent sum of the uncompressed bytes is known: `raw` is `None`
//! there, and only the very same `.gz` passes.

/// One data set: where it is, what it must be, and what it says.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name on the command line and of the folder, such as `fashion-mnist`.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// Who made it.
    pub attribution: String,
    /// The terms it comes under.
    pub licence: String,
    /// The name of each class, by label.
    pub classes: Vec<String>,
    /// Base addresses, tried in order.
    pub mirrors: Vec<String>,
    /// The files.
    pub files: Vec<FileSpec>,
}

/// One file of a data set.
#[derive(Clone, Debug)]
pub struct FileSpec {
    /// Its name at the mirrors and on disk, ending in `.gz`.
    pub name: String,
    /// Its length in bytes.
    pub gz_bytes: u64,
    /// SHA-256 of the `.gz`, in lower-case hex.
    pub gz_sha256: String,
    /// What the uncompressed bytes must be, where that is known.
    pub raw: Option<RawPin>,
}

/// The uncompressed bytes of a file.
#[derive(Clone, Debug)]
pub struct RawPin {
    /// Their number.
    pub bytes: u64,
    /// Their SHA-256, in lower-case hex.
    pub sha256: String,
}

impl FileSpec {
    /// The most bytes that are ever taken from a source.
    ///
    /// The exact size where only the `.gz` is pinned; where the raw bytes are, a quarter more, so
    /// that a copy packed again at a lower level fits.
    pub fn most_bytes(&self) -> u64 {
        match self.raw {
            Some(_) => self.gz_bytes + self.gz_bytes / 4 + 1024,
            None => self.gz_bytes,
        }
    }

    /// The file's name without `.gz`.
    pub fn stem(&self) -> &str {
        self.name.strip_suffix(".gz").unwrap_or(&self.name)
    }
}

/// All data sets, in the order in which `--help` names them.
pub fn all() -> Vec<Dataset> {
    vec![mnist(), fashion_mnist(), kmnist()]
}

/// Says whose file has this SHA-256, for the message about a wrong one.
pub fn whose(sha256: &str) -> Option<String> {
    all().iter().find_map(|set| {
        let is_it = |f: &&FileSpec| {
            f.gz_sha256 == sha256 || f.raw.as_ref().is_some_and(|r| r.sha256 == sha256)
        };
        set.files.iter().find(is_it).map(|f| format!("{} of {}", f.name, set.name))
    })
}

/// The handwritten digits.
pub fn mnist() -> Dataset {
    Dataset {
        name: "mnist".into(),
        title: "MNIST, 70,000 handwritten digits".into(),
        attribution: "Y. LeCun, C. Cortes and C. J. C. Burges, from NIST's special databases"
            .into(),
        licence: "CC BY-SA 3.0".into(),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        mirrors: vec![
            "https://ossci-datasets.s3.amazonaws.com/mnist/".into(),
            "https://storage.googleapis.com/cvdf-datasets/mnist/".into(),
            "https://raw.githubusercontent.com/fgnt/mnist/master/".into(),
        ],
        files: files([
            (
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                Some("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
            ),
            (
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                Some("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
            ),
            (
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                Some("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
            ),
            (
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                Some("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
            ),
        ]),
    }
}

/// Articles of clothing.
pub fn fashion_mnist() -> Dataset {
    let classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ];
    Dataset {
        name: "fashion-mnist".into(),
        title: "Fashion-MNIST, 70,000 articles of clothing".into(),
        attribution: "H. Xiao, K. Rasul and R. Vollgraf, Zalando Research".into(),
        licence: "MIT".into(),
        classes: classes.map(String::from).into(),
        mirrors: vec![
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/".into(),
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
                .into(),
            // No https there; the pinned sums make it safe.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/".into(),
        ],
        files: files([
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", None),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", None),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", None),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", None),
        ]),
    }
}

/// Cursive Japanese characters.
pub fn kmnist() -> Dataset {
    Dataset {
        name: "kmnist".into(),
        title: "KMNIST, 70,000 cursive Japanese characters".into(),
        attribution: "T. Clanuwat and others, ROIS-DS Center for Open Data in the Humanities, \
                      from the Kuzushiji Dataset (NIJL and others)"
            .into(),
        licence: "CC BY-SA 4.0".into(),
        classes: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
            .map(String::from)
            .into(),
        // The makers' own server; no https there, and it is at times out of reach.
        mirrors: vec!["http://codh.rois.ac.jp/kmnist/dataset/kmnist/".into()],
        files: files([
            (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", None),
            (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", None),
            (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", None),
            (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", None),
        ]),
    }
}

/// Gives the four files their names and raw sizes, which all three data sets share.
fn files(pins: [(u64, &str, Option<&str>); 4]) -> Vec<FileSpec> {
    let shapes = [
        ("train-images-idx3-ubyte.gz", 16 + 60_000 * 784),
        ("train-labels-idx1-ubyte.gz", 8 + 60_000),
        ("t10k-images-idx3-ubyte.gz", 16 + 10_000 * 784),
        ("t10k-labels-idx1-ubyte.gz", 8 + 10_000),
    ];
    shapes
        .into_iter()
        .zip(pins)
        .map(|((name, raw_bytes), (gz_bytes, gz_sha256, raw_sha256))| FileSpec {
            name: name.into(),
            gz_bytes,
            gz_sha256: gz_sha256.into(),
            raw: raw_sha256.map(|sum| RawPin { bytes: raw_bytes, sha256: sum.into() }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        for set in all() {
            assert_eq!(set.classes.len(), 10, "{}", set.name);
            assert_eq!(set.files.len(), 4, "{}", set.name);
            assert!(!set.mirrors.is_empty() && !set.licence.is_empty(), "{}", set.name);
            for mirror in &set.mirrors {
                assert!(mirror.starts_with("http") && mirror.ends_with('/'), "{mirror}");
            }
            for file in &set.files {
                let raw_sums = file.raw.iter().map(|raw| &raw.sha256);
                for sum in raw_sums.chain([&file.gz_sha256]) {
                    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                    assert!(sum.len() == 64 && sum.bytes().all(is_hex), "{} {sum}", file.name);
                }
            }
        }
    }

    #[test]
    fn no_two_files_share_a_sum() {
        let mut sums: Vec<_> =
            all().into_iter().flat_map(|s| s.files).map(|f| f.gz_sha256).collect();
        let n_files = sums.len();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), n_files);
    }

    #[test]
    fn a_sum_tells_whose_file_it_is() {
        let fashion = &fashion_mnist().files[2];
        let name = whose(&fashion.gz_sha256);
        assert_eq!(name.as_deref(), Some("t10k-images-idx3-ubyte.gz of fashion-mnist"));
        assert_eq!(whose("0"), None);
    }
}
