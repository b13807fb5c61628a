use super::*;

#[test]
fn explore() {
    let scenario = small();
    let cores = cores::run(&scenario, Seed::new(1)).unwrap();
    let q = |v: &Vec<f64>| {
        (
            v.len(),
            v.iter().sum::<f64>() / v.len() as f64,
            crate::stats::quantile(v, 0.5),
            crate::stats::quantile(v, 0.95),
        )
    };
    println!("up {:?}", q(&cores.uplink_gap_ms));
    println!("down {:?}", q(&cores.downlink_gap_ms));
    println!("hold {:?} p {}", q(&cores.holding_ms), crate::stats::ks_exponential(&cores.holding_ms, 200.0));
    println!("tomb {:?}", q(&cores.to_mailbox_ms));
    println!("tocl {:?}", q(&cores.to_client_ms));
    println!("loop {:?}", q(&cores.loop_ms));
    println!("msg {:?} {} {}", q(&cores.message_ms), cores.written, cores.writes);
    println!("{:?}", cores.on_links);
    println!("occ {}", cores.occupancy.iter().sum::<u32>() as f64 / cores.occupancy.len() as f64);
}

#[test]
fn explore2() {
    let begin = sotto_transport::clock::Clock::system();
    let t0 = begin.now();
    for c in compare(Seed::new(1)).unwrap() {
        println!(
            "{:<40} {:>10.4} p {:>10.2e} effect {:>7.3} n {} {} {}",
            c.name, c.statistic, c.p_value, c.effect, c.n_model, c.n_cores, c.holds
        );
    }
    println!("{:?}", begin.now().since(t0));
}
