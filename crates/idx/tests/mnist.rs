//! The real files, where `MNIST_DATA` names a folder that holds them.

use idx::{find_all, read_pair};

#[test]
fn real_files() {
    let Some(folder) = std::env::var_os("MNIST_DATA") else { return };
    let files = find_all(folder).unwrap();

    let train = read_pair(&files.train_images, &files.train_labels, 10).unwrap();
    assert_eq!(train.images.dims(), [60_000, 28, 28]);
    assert_eq!(train.classes.len(), 60_000);
    assert_eq!(train.classes[..5], [5, 0, 4, 1, 9]);

    let test = read_pair(&files.test_images, &files.test_labels, 10).unwrap();
    assert_eq!(test.images.dims(), [10_000, 28, 28]);
    assert_eq!(test.classes.len(), 10_000);
    assert_eq!(test.classes[..5], [7, 2, 1, 0, 4]);
}
