//! Kernels touch nothing outside of their slices: each slice begins or ends at a page that may not be
//! touched, and a kernel that does dies of it.
//!
//! The one test file with unsafe code, so the third opinion on GEMM stands here too: the pointers of
//! `matrixmultiply`.
#![cfg(unix)]

mod common;

use std::ops::{Deref, DerefMut};
use std::ptr;

use common::{Data, Fast, Kind, Random, State, check_bits, check_bound, tiers, updates};
use kernels::batch::{self, Batch, ErrorRows, SumRows};
use kernels::linear::{
    self, BlockIndex, BlockPart, BlockWeights, HalfSums, OwnWeights, Scratch, Upcoming,
};
use kernels::{F32x16, MatMut, MatRef, gemm, optim, reference};

/// Which end of a slice meets the forbidden page.
#[derive(Clone, Copy, Debug)]
enum Edge {
    Front,
    Back,
}

const EDGES: [Edge; 2] = [Edge::Front, Edge::Back];

/// A slice between two forbidden pages, up against one of them.
struct Guarded<T> {
    map: *mut libc::c_void,
    map_bytes: usize,
    first: *mut T,
    len: usize,
}

impl<T: Copy> Guarded<T> {
    /// Copies `data`.
    fn new(data: &[T], edge: Edge) -> Self {
        // SAFETY: `sysconf` only reads.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let bytes = size_of_val(data);
        let room = bytes.next_multiple_of(page);
        let map_bytes = room + 2 * page;
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the system's choice replaces none that is in use.
        let map = unsafe { libc::mmap(ptr::null_mut(), map_bytes, access, kind, -1, 0) };
        assert_ne!(map, libc::MAP_FAILED, "no memory for a test");
        for forbidden in [0, page + room] {
            let at = map.wrapping_byte_add(forbidden);
            // SAFETY: the page lies within the mapping just made, and nothing refers to it.
            let failed = unsafe { libc::mprotect(at, page, libc::PROT_NONE) };
            assert_eq!(failed, 0, "a page that can't be forbidden");
        }
        let offset = match edge {
            Edge::Front => 0,
            Edge::Back => room - bytes,
        };
        let first = map.wrapping_byte_add(page + offset).cast::<T>();
        assert!(first.is_aligned(), "sizes of elements divide that of a page");
        // SAFETY: `first` has room for `bytes` before the second forbidden page, is aligned (line above)
        // and new, so that it can't overlap `data`.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), first, data.len()) };
        Self { map, map_bytes, first, len: data.len() }
    }
}

impl<T> Deref for Guarded<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `new` wrote `len` elements at `first`; they live as long as `self`, which is borrowed.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: `new` made this mapping with this size; no slice of it outlives `self`.
        let failed = unsafe { libc::munmap(self.map, self.map_bytes) };
        assert_eq!(failed, 0, "a mapping that can't be given back");
    }
}

fn flat16(lanes: &[F32x16]) -> Vec<f32> {
    lanes.iter().flat_map(|lanes| lanes.0).collect()
}

#[test]
fn the_guard_holds_what_it_was_given() {
    for edge in EDGES {
        for len in [0, 1, 1023, 1024, 1025] {
            let data: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let mut guarded = Guarded::new(&data, edge);
            assert_eq!(guarded[..], data[..]);
            guarded.fill(1.0);
            assert!(guarded.iter().all(|&x| x == 1.0));
        }
    }
}

/// The numbers of classes that the linear layer takes of these images: few, and of pixels one to five times 16.
fn classes_of(data: &Data) -> impl Iterator<Item = usize> + use<> {
    let (images, more) = (&data.images, [17, 32, 33, 50, 64, 70]);
    let more: Vec<usize> = more.into_iter().filter(|&n| linear::supports(images, n)).collect();
    (1..=16).chain(more)
}

#[test]
fn forward_and_softmax() {
    let mut random = Random::new(70);
    for kind in [Kind::Sparse, Kind::Floats] {
        let data = Data::new(kind, (15, Some((5, 3))), 8, &mut random);
        for (classes, n) in
            classes_of(&data).flat_map(|classes| [1, 2, 15, 16, 17, 33].map(|n| (classes, n)))
        {
            let weights = random.many(15 * classes);
            let weights = BlockWeights::gather(data.images.layout(), classes, &weights);
            let (rows, bias) = (data.rows(n, &mut random), random.many(classes));
            let padded = linear::padded_classes(classes);
            for (isa, edge) in tiers().into_iter().flat_map(|isa| EDGES.map(|edge| (isa, edge))) {
                let mut plain = Batch::default();
                let labels: Vec<u32> = rows.iter().map(|row| row % classes as u32).collect();
                plain.begin(&labels, padded, 1);
                let mut fenced = plain.clone();
                let [part] = plain.parts_mut() else { panic!("one part") };
                let forward = |rows: &[u32], weights: &[F32x16], sums: &mut [F32x16]| {
                    let to = SumRows { sums, padded, scratch: &mut Scratch::default() };
                    linear::forward(isa, &data.images, rows, weights, to);
                };
                forward(&rows, weights.lines(), part.sums_mut());
                let zeros = vec![F32x16::default(); part.sums_mut().len()];
                let mut sums = Guarded::new(&zeros, edge);
                let weights = Guarded::new(weights.lines(), edge);
                forward(&Guarded::new(&rows, edge), &weights, &mut sums);
                check_bits(&flat16(&sums), &flat16(part.sums_mut()), &format!("sums, {isa:?}"));
                if linear::has_halves(classes) {
                    let halves = [0, 1].map(|half| {
                        let blocks = data.images.layout().half(half);
                        let weights = &weights[blocks.start * padded / 2..blocks.end * padded / 2];
                        let (rows, weights) =
                            (Guarded::new(&rows, edge), Guarded::new(weights, edge));
                        let mut sums = Guarded::new(&zeros, edge);
                        let to = HalfSums { half, sums: &mut sums, padded };
                        linear::forward_half(isa, &data.images, &rows, &weights, to);
                        sums
                    });
                    let both = &mut fenced.parts_mut()[0];
                    both.add_halves(isa, halves.each_ref().map(|sums| &sums[..]));
                    let expected = flat16(part.sums_mut());
                    check_bits(&flat16(both.sums_mut()), &expected, &format!("halves, {isa:?}"));
                }
                assert!(kernels::softmax(isa, part.softmax_rows_mut(), &bias, 0.5, 0.25));
                let p = flat16(part.sums_mut());
                let mut rows = fenced.parts_mut()[0].softmax_rows_mut();
                rows.sums = &mut sums;
                assert!(kernels::softmax(isa, rows, &Guarded::new(&bias, edge), 0.5, 0.25));
                check_bits(&flat16(&sums), &p, &format!("probabilities, {isa:?}"));
                for c in 0..classes {
                    let expected: Vec<f32> = plain.error_terms(c).collect();
                    check_bits(&fenced.error_terms(c).collect::<Vec<_>>(), &expected, "errors");
                }
            }
        }
    }
}

#[test]
fn backward() {
    let mut random = Random::new(71);
    for (kind, n) in [(Kind::Sparse, 1), (Kind::Floats, 17), (Kind::Dense, 33)] {
        // Twelve blocks, the last of every row of them ragged.
        let data = Data::new(kind, (77, Some((7, 11))), 8, &mut random);
        for classes in classes_of(&data) {
            let state = State::random(&data, classes, 1.0, &mut random);
            let rows = data.rows(n, &mut random);
            let labels: Vec<u32> = (0..n).map(|_| random.below(classes as u32)).collect();
            let padded = linear::padded_classes(classes);
            for (isa, edge) in tiers().into_iter().flat_map(|isa| EDGES.map(|edge| (isa, edge))) {
                let mut fast = Fast::new(isa, 1, &data, &state);
                assert!(fast.forward(&data, &rows, &labels));
                let mut bias = Guarded::new(&vec![f32::NAN; classes], edge);
                batch::bias_gradient(isa, fast.batch.parts(), &mut bias);
                assert!(bias.iter().all(|g| g.is_finite()));
                let update = updates()[random.below(6) as usize];
                let mut whole = None;
                for (first, count) in [(0, 12), (2, 5), (10, 1), (4, 0)] {
                    let blocks = vec![F32x16::default(); count * padded / 2];
                    let mut plain = [blocks.clone(), blocks.clone(), blocks.clone()];
                    let mut fenced = [(); 3].map(|()| Guarded::new(&blocks, edge));
                    let run = |[w, m, v]: [&mut [F32x16]; 3], shown| {
                        let part = BlockPart { first, w, m, v, shown };
                        let (images, fenced) = (&data.images, Guarded::new(&rows, edge));
                        let upcoming = Upcoming { rows: &fenced, own: n / 2..n };
                        let mut room = Vec::new();
                        let errors = batch::error_rows(fast.batch.parts(), &mut room);
                        let errors = Guarded::new(errors.rows, edge);
                        let errors = ErrorRows { rows: &errors, padded, listed: None };
                        let mut index = BlockIndex::default();
                        index.begin(isa, images, &fenced, first..first + count, padded);
                        index.list(isa, images, &fenced, 2);
                        index.backward(isa, images, errors, update, part, &upcoming)
                    };
                    // As one of two threads, too, which streams the weights to others.
                    let (mut own, mut streamed) =
                        (OwnWeights::default(), Guarded::new(&blocks, edge));
                    own.begin(&blocks, &[blocks.len(); 2], 0);
                    let (_, shown) = own.write(&mut streamed);
                    assert!(run(plain.each_mut().map(|v| &mut v[..]), None));
                    assert!(run(fenced.each_mut().map(|v| &mut v[..]), shown));
                    check_bits(&flat16(&streamed), &flat16(&plain[0]), &format!("shown, {isa:?}"));
                    for (plain, fenced) in plain.iter().zip(&fenced) {
                        check_bits(
                            &flat16(fenced),
                            &flat16(plain),
                            &format!("{update:?}, {isa:?}"),
                        );
                    }
                    // A part is what it is in the whole, whatever its neighbours have.
                    let whole = whole.get_or_insert_with(|| plain.clone());
                    for (plain, whole) in plain.iter().zip(whole) {
                        let of_part = &whole[first * padded / 2..][..plain.len()];
                        check_bits(&flat16(plain), &flat16(of_part), &format!("{first}, {isa:?}"));
                    }
                }
            }
        }
    }
}

#[test]
fn update_all() {
    let mut random = Random::new(72);
    for (isa, n) in tiers().into_iter().flat_map(|isa| (0..=70).map(move |n| (isa, n))) {
        for (update, edge) in updates().into_iter().flat_map(|u| EDGES.map(|edge| (u, edge))) {
            let (g, values) = (random.many(n), random.many(n));
            let second: Vec<f32> = values.iter().map(|v| v.abs()).collect();
            let mut plain = [values.clone(), values, second];
            let mut fenced = plain.each_ref().map(|v| Guarded::new(v, edge));
            let [w, m, v] = plain.each_mut();
            assert!(optim::update_all(isa, update, &g, (w, m, v)));
            let [w, m, v] = fenced.each_mut();
            assert!(optim::update_all(isa, update, &Guarded::new(&g, edge), (w, m, v)));
            for (plain, fenced) in plain.iter().zip(&fenced) {
                check_bits(fenced, plain, &format!("{n}, {update:?}, {isa:?}"));
            }
        }
    }
}

/// Strides of A, B and C: by rows, by columns, with gaps.
fn strides(rows: usize, cols: usize) -> [(usize, usize); 4] {
    [(cols, 1), (1, rows), (cols + 2, 1), (2 * cols + 1, 2)]
}

/// A guarded matrix of NaN whose elements are random, so that its last element is the slice's last.
fn matrix(
    (rows, cols): (usize, usize),
    by: (usize, usize),
    edge: Edge,
    random: &mut Random,
) -> Guarded<f32> {
    let len = if rows * cols == 0 { 0 } else { (rows - 1) * by.0 + (cols - 1) * by.1 + 1 };
    let mut data = vec![f32::NAN; len];
    for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
        data[i * by.0 + j * by.1] = random.signed();
    }
    Guarded::new(&data, edge)
}

#[test]
fn gemm_and_the_third_opinion() {
    let mut random = Random::new(73);
    let around = [0, 1, 5, 7, 12, 13, 16, 17, 32, 33];
    let small = around.into_iter().flat_map(|m| around.map(|n| (m, n)));
    let small = small.flat_map(|(m, n)| [0, 1, 3, 8, 193].map(|k| (m, k, n)));
    // Past a block of rows, of k and of columns; whole tiles of 16 lanes and of 8, and not.
    let large = [(9, 1025, 48), (125, 1030, 49), (14, 2, 2065), (127, 66, 16), (130, 129, 10)];
    for (m, k, n) in small.chain(large.into_iter().flat_map(|product| [product; 6])) {
        for edge in EDGES {
            let mut any = |rows, cols| strides(rows, cols)[random.below(4) as usize];
            let (a_by, b_by, c_by) = (any(m, k), any(k, n), any(m, n));
            let a_data = matrix((m, k), a_by, edge, &mut random);
            let b_data = matrix((k, n), b_by, edge, &mut random);
            let a = MatRef::with_strides(&a_data, (m, k), a_by);
            let b = MatRef::with_strides(&b_data, (k, n), b_by);
            let exact = reference::gemm(a, b);
            let name = format!("{m} x {k} x {n} by {a_by:?} {b_by:?} {c_by:?}");
            let check = |c: &[f32], name: &str| {
                let c = MatRef::with_strides(c, (m, n), c_by);
                let c: Vec<f32> = (0..m * n).map(|i| c.at(i / n, i % n)).collect();
                check_bound(&c, &exact.values, |i| exact.bound(i), name);
            };
            for isa in tiers() {
                let mut c = matrix((m, n), c_by, edge, &mut random);
                gemm(isa, a, b, MatMut::with_strides(&mut c, (m, n), c_by));
                check(&c, &format!("{name}, {isa:?}"));
            }
            let mut c = matrix((m, n), c_by, edge, &mut random);
            let [a_by, b_by, c_by] = [a_by, b_by, c_by].map(|(r, c)| (r as isize, c as isize));
            let (a, b, into) = (a_data.as_ptr(), b_data.as_ptr(), c.as_mut_ptr());
            // SAFETY: the views above and `matrix` proved that every element lies within its slice; with
            // a beta of 0 what was in C is not read.
            unsafe {
                matrixmultiply::sgemm(
                    m, k, n, 1.0, a, a_by.0, a_by.1, b, b_by.0, b_by.1, 0.0, into, c_by.0, c_by.1,
                )
            };
            check(&c, &format!("{name}, matrixmultiply"));
        }
    }
}
