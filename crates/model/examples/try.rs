//! scratch
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use model::*;
struct P(Instant, bool);
impl Observer for P {
    fn on(&mut self, e: Event<'_>) -> ControlFlow<()> {
        match e {
            Event::Epoch { epoch, validation, validation_all, training_time } => println!("epoch {epoch} {:.4} {:.4} {:?}", validation.unwrap().accuracy(), validation_all.unwrap().accuracy(), training_time),
            _ => {}
        }
        ControlFlow::Continue(())
    }
    fn now(&self) -> Duration { self.0.elapsed() }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = Instant::now();
    let sets = if a[1] == "synthetic" { DataSets::synthetic().unwrap() } else { DataSets::read(a[1].as_ref(), 10).unwrap() };
    println!("load {:?} {}", t.elapsed(), sets.info.sha256);
    let isa = kernels::Isa::named(&a[2]).unwrap();
    let threads: usize = a[3].parse().unwrap();
    let mut config = TrainConfig::default();
    if let Some(s) = a.get(4) { config.seed = s.parse().unwrap(); }
    let t = Instant::now();
    let mut tr = Trainer::new(config, &sets.train, 10, isa, kernels::team::Team::new(threads).unwrap()).unwrap();
    tr.run(&mut P(t, false)).unwrap();
    println!("train {:?}", t.elapsed());
    let p = tr.parameters();
    let c = Classifier::new(isa, &p, &sets.test);
    let e = c.evaluate(&sets.test, 0..1000).unwrap(); let f = c.evaluate(&sets.test, 0..10000).unwrap();
    println!("test {:.4} {:.4}  all {:.4} {:.4} {}", e.loss, e.accuracy(), f.loss, f.accuracy(), p.sha256());
}
