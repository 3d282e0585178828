//! Who takes part: ours and the peers, each by a short name.

use crate::measure::MeasureError;

/// A trainer.
#[derive(Clone, Debug)]
pub struct Trainer {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What the table calls it.
    pub title: &'static str,
    /// How it is run.
    pub how: How,
}

/// How a trainer is run.
#[derive(Clone, Debug)]
pub enum How {
    /// The program `mnist` on so many threads.
    Ours {
        /// Threads.
        threads: usize,
    },
    /// A program in xtask/peers.
    Peer {
        /// Its file.
        script: &'static str,
        /// What it imports, by the names of the packages; the last is the one that is compared.
        packages: &'static [&'static str],
        /// Variables it needs.
        env: &'static [(&'static str, &'static str)],
    },
}

/// Holds every BLAS that NumPy may stand on to one thread.
const ONE_THREAD: [(&str, &str); 3] =
    [("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1")];

/// The trainer that single-threaded ones are compared with.
pub const OURS_ONE: &str = "ours-1";
/// The trainer that whole processes are compared with.
pub const OURS_TWO: &str = "ours-2";

/// All trainers, in the order of their turns.
pub static ALL: [Trainer; 7] = [
    Trainer { name: OURS_ONE, title: "ours, 1 thread", how: How::Ours { threads: 1 } },
    Trainer { name: OURS_TWO, title: "ours, 2 threads", how: How::Ours { threads: 2 } },
    Trainer {
        name: "numpy",
        title: "NumPy by hand, 1 thread",
        how: How::Peer { script: "peer_numpy.py", packages: &["numpy"], env: &ONE_THREAD },
    },
    Trainer {
        name: "jax",
        title: "JAX, jit and scan",
        how: How::Peer { script: "peer_jax.py", packages: &["numpy", "jax"], env: &[] },
    },
    Trainer {
        name: "torch",
        title: "PyTorch, fused Adam, 1 thread",
        how: How::Peer { script: "peer_torch.py", packages: &["numpy", "torch"], env: &[] },
    },
    Trainer {
        name: "tensorflow",
        title: "TensorFlow, the tutorial's code",
        how: How::Peer {
            script: "peer_tensorflow.py",
            packages: &["numpy", "tensorflow-cpu"],
            env: &[],
        },
    },
    Trainer {
        name: "sklearn",
        title: "scikit-learn, MLPClassifier",
        how: How::Peer {
            script: "peer_sklearn.py",
            packages: &["numpy", "scikit-learn"],
            env: &[],
        },
    },
];

/// The trainers of these names, in the order of their turns; all where there are no names.
pub fn choose(only: &[String]) -> Result<Vec<&'static Trainer>, MeasureError> {
    let known = || ALL.iter().map(|trainer| trainer.name);
    if let Some(given) = only.iter().find(|given| known().all(|name| name != *given)) {
        return Err(MeasureError::Unknown { given: given.clone(), known: known().collect() });
    }
    let chosen = |trainer: &&Trainer| only.is_empty() || only.iter().any(|n| n == trainer.name);
    Ok(ALL.iter().filter(chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choosing() {
        let names = |only: &[&str]| -> Vec<_> {
            let only: Vec<_> = only.iter().map(ToString::to_string).collect();
            choose(&only).unwrap().iter().map(|trainer| trainer.name).collect()
        };
        assert_eq!(names(&[]).len(), ALL.len());
        assert_eq!(names(&["numpy", "ours-1"]), ["ours-1", "numpy"]);
        let error = choose(&["keras".to_owned()]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("ours-1, ours-2, numpy, jax"), "{error}");
    }

    #[test]
    fn every_peer_has_its_program() {
        let peers = crate::cli::workspace_root().join("xtask").join("peers");
        for Trainer { how, .. } in &ALL {
            if let How::Peer { script, .. } = how {
                assert!(peers.join(script).is_file(), "{script}");
            }
        }
    }
}
