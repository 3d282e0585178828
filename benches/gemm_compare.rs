//! C = A B on one thread, ours beside every other library that is there, in turns in one process.
//!
//! `cargo xtask compare --gemm` runs it and makes a table of what it prints: first a line of who takes
//! part, `{"libraries": {"OpenBLAS": "libopenblasp-r0.3.21.so", ...}}`, then a line a shape,
//! `{"shape": "100x784x10", "gflops": {"OpenBLAS": 70.1, ...}}`. A rate is the best of many samples: what
//! a neighbour on the machine takes away is in the others.
//!
//! `BLAS_DIRS` lists folders to look for libraries in, before those of the system; words of the command
//! line pick shapes whose names have one of them; `--test` does each once.

mod blas_ffi;
mod shapes;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use blas_ffi::Blas;
use kernels::{Isa, MatMut, MatRef};
use shapes::{COMPARED, PRODUCTS, Product, numbers};

/// Libraries, a word in the name of their files, and the names that those go by.
const BLAS: [(&str, &str, &[&str]); 3] = [
    ("OpenBLAS", "libopenblas", &["libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"]),
    ("BLIS", "libblis", &["libblis.so.4", "libblis.so", "libblis.dylib"]),
    ("MKL", "libmkl_rt", &["libmkl_rt.so.3", "libmkl_rt.so.2", "libmkl_rt.so", "mkl_rt.dll"]),
];

/// The shortest time that is measured at once: the clock's own is a thousandth of it.
const SAMPLE: Duration = Duration::from_millis(1);
/// What each gets of each shape, and the fewest samples.
const TURNS: Duration = Duration::from_millis(600);
const FEWEST_SAMPLES: usize = 6;

/// Computes `c = a b`.
type Multiply = Box<dyn Fn(&Product, &[f32], &[f32], &mut [f32])>;

/// Who takes part: a name, where it comes from, and how it multiplies.
struct Library {
    name: String,
    origin: String,
    multiply: Multiply,
}

fn ours(isa: Isa) -> Library {
    let multiply = move |shape: &Product, a: &[f32], b: &[f32], c: &mut [f32]| {
        let &Product { m, k, n, transposed, .. } = shape;
        let a = match transposed {
            true => MatRef::new(a, k, m).transposed(),
            false => MatRef::new(a, m, k),
        };
        kernels::gemm(isa, a, MatRef::new(b, k, n), MatMut::new(c, m, n));
    };
    let (name, origin) = (format!("ours, {}", isa.name()), "this workspace".to_owned());
    Library { name, origin, multiply: Box::new(multiply) }
}

fn libraries() -> Vec<Library> {
    let wide = Isa::all().into_iter().filter(|isa| isa.name() != "portable");
    let mut found: Vec<_> = wide.map(ours).collect();
    let krate = |name: &str, multiply: Multiply| Library {
        name: name.to_owned(),
        origin: "a crate".to_owned(),
        multiply,
    };
    found.push(krate("gemm", Box::new(blas_ffi::gemm_crate)));
    found.push(krate("matrixmultiply", Box::new(blas_ffi::matrixmultiply)));
    for (name, word, files) in BLAS {
        match candidates(files).iter().find_map(|file| Blas::open(file)) {
            Some(blas) => found.push(Library {
                name: name.to_owned(),
                origin: loaded_file(word).unwrap_or_default(),
                multiply: Box::new(move |shape, a, b, c| blas.multiply(shape, a, b, c)),
            }),
            None => eprintln!("{name}: skipped, no shared library of it ({})", files.join(", ")),
        }
    }
    found
}

/// The files in the folders of `BLAS_DIRS`, then the bare names.
fn candidates(files: &[&str]) -> Vec<OsString> {
    let folders = env::var_os("BLAS_DIRS").unwrap_or_default();
    let in_folders = env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty());
    let in_folders = in_folders.flat_map(|folder| files.iter().map(move |file| folder.join(file)));
    let bare = files.iter().map(OsString::from);
    in_folders.filter(|path| path.exists()).map(OsString::from).chain(bare).collect()
}

/// The name of the mapped file whose name has this word, where the system tells; links are resolved, so
/// that it has the version in it.
fn loaded_file(word: &str) -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let names = maps.lines().filter_map(|line| line.rsplit('/').next());
    names.filter(|name| name.starts_with(word)).map(String::from).next()
}

/// Seconds that a call takes, from `calls` of them.
fn sample(calls: u32, mut call: impl FnMut()) -> f64 {
    let started = Instant::now();
    (0..calls).for_each(|_| call());
    started.elapsed().as_secs_f64() / f64::from(calls)
}

/// The best rates in GFLOP/s, each taking its turn.
fn rates(shape: &Product, libraries: &[Library], once: bool) -> Vec<f64> {
    let (a, b) = (numbers(shape.m * shape.k, 1), numbers(shape.k * shape.n, 2));
    let mut c = vec![0.0; shape.m * shape.n];
    let mut expected = c.clone();
    let mut calls = Vec::new();
    for (idx, Library { name, multiply, .. }) in libraries.iter().enumerate() {
        c.fill(f32::NAN);
        multiply(shape, &a, &b, &mut c);
        if idx == 0 {
            expected.copy_from_slice(&c);
        }
        // Sums of k products below 1 each; in another order they differ by far less than this.
        let bound = 1e-5 * shape.k as f32;
        let close = |(x, y): (&f32, &f32)| (x - y).abs() <= bound;
        assert!(c.iter().zip(&expected).all(close), "{name} computes another {}", shape.name);
        let seconds = sample(1, || multiply(shape, black_box(&a), black_box(&b), &mut c));
        calls.push((SAMPLE.as_secs_f64() / seconds).ceil().clamp(1.0, 1e6) as u32);
    }
    let mut best = vec![f64::INFINITY; libraries.len()];
    let (started, turns) = (Instant::now(), TURNS * libraries.len() as u32);
    let mut samples = 0;
    while samples == 0 || (!once && (samples < FEWEST_SAMPLES || started.elapsed() < turns)) {
        for (idx, Library { multiply, .. }) in libraries.iter().enumerate() {
            let calls = if once { 1 } else { calls[idx] };
            let call = || multiply(shape, black_box(&a), black_box(&b), black_box(&mut c));
            best[idx] = best[idx].min(sample(calls, call));
        }
        samples += 1;
    }
    best.into_iter().map(|seconds| shape.flops() as f64 / seconds / 1e9).collect()
}

/// The fields of a JSON object; no name or value has anything to escape.
fn fields(pairs: impl Iterator<Item = (String, String)>) -> String {
    pairs.map(|(name, value)| format!("\"{name}\": {value}")).collect::<Vec<_>>().join(", ")
}

fn main() {
    let words: Vec<_> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let once = env::args().any(|arg| arg == "--test");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("no pool was made before");
    let libraries = libraries();
    let origins = libraries.iter().map(|who| (who.name.clone(), format!("\"{}\"", who.origin)));
    println!("{{\"libraries\": {{{}}}}}", fields(origins));
    for shape in PRODUCTS.iter().chain(&COMPARED) {
        if !words.is_empty() && !words.iter().any(|word| shape.name.contains(word.as_str())) {
            continue;
        }
        let rates = rates(shape, &libraries, once).into_iter();
        let named = libraries.iter().zip(rates);
        let named = named.map(|(who, rate)| (who.name.clone(), format!("{rate:.2}")));
        println!("{{\"shape\": \"{}\", \"gflops\": {{{}}}}}", shape.name, fields(named));
    }
}
