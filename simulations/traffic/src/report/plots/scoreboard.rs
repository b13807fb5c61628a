//! Every attack at the point where it does best, with the same attack on uninvolved decoys beside it.

use super::super::canvas::{Anchor, BLUE, GRID, INK, MUTED, Mark, WARNING};
use super::super::figure::sheet;
use super::super::findings::Study;
use super::super::naming::attack_title;
use super::super::number::number;
use super::super::scale::Scale;
use super::super::svg::{Plot, WIDTH};
use super::super::sweep::{label_keys, point_label};

/// The most attacks that are shown, the worst first.
const ATTACKS_MAX: usize = 40;
/// The height of an attack's line, and where lines begin and end.
const STEP: f64 = 26.0;
const TOP: f64 = 46.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = WIDTH - 100.0;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let mut attacks = study.attacks();
    attacks.truncate(ATTACKS_MAX);
    let count = u32::try_from(attacks.len()).ok().filter(|count| *count > 0)?;
    let values = attacks.iter().flat_map(|attack| {
        let interval = attack.advantage.interval;
        let ends = [interval.map(|interval| interval.low), interval.map(|interval| interval.high)];
        [Some(attack.advantage.mean), attack.decoy_advantage, Some(0.0)].into_iter().chain(ends).flatten()
    });
    let scale = Scale::of(values)?;
    let bottom = TOP + f64::from(count) * STEP;
    let x = |value: f64| LEFT + (RIGHT - LEFT) * scale.place(value);
    let at = if study.summary.points.len() > 1 { ", each at the point where it does best" } else { "" };
    let keys = label_keys(&study.axes);
    let subtitle = match (study.summary.points.len(), keys.is_empty()) {
        (..=1, _) => String::new(),
        (_, true) => "each at the point where it does best".to_owned(),
        (_, false) => format!("each at the point where it does best: {keys}"),
    };
    let description = format!(
        "Advantage over guessing. Disc: the attack, with its 95 % interval. Ring: the same attack on uninvolved decoys. Worst: {}.",
        attacks.first().map_or(String::new(), |worst| format!(
            "{}, {}",
            worst.name,
            number(worst.advantage.mean)
        ))
    );
    Some(sheet("scoreboard", &format!("Attacks{at}"), &description, bottom + 66.0, |canvas| {
        canvas.heading("Advantage over guessing", (8.0, 14.0), 12.5);
        canvas.text(&subtitle, (8.0, 31.0), Anchor::Left, MUTED, 11.0);
        for (value, label) in scale.ticks() {
            canvas.line((x(value), TOP), (x(value), bottom), GRID, 1.0);
            canvas.text(&label, (x(value), bottom + 12.0), Anchor::Center, MUTED, 11.0);
        }
        canvas.line((x(0.0), TOP), (x(0.0), bottom), MUTED, 1.0);
        for (number_of_line, attack) in (0_u32..).zip(&attacks) {
            let y = TOP + (f64::from(number_of_line) + 0.5) * STEP;
            let worst = number_of_line == 0;
            let color = if worst { WARNING } else { BLUE };
            let name = if study.summary.points.len() > 1 {
                format!("{}, {}", attack_title(attack.name), point_label(attack.point, &study.axes))
            } else {
                attack_title(attack.name)
            };
            canvas.text(&name, (LEFT - 12.0, y), Anchor::Right, INK, 11.0);
            if let Some(interval) = attack.advantage.interval {
                canvas.line((x(interval.low), y), (x(interval.high), y), color, 2.0);
            }
            if let Some(decoy) = attack.decoy_advantage {
                canvas.mark((x(decoy), y), Mark::Ring, MUTED);
            }
            canvas.mark((x(attack.advantage.mean), y), Mark::Disc, color);
            let shown = number(attack.advantage.mean);
            let shown = if worst { format!("{shown} worst") } else { shown };
            canvas.text(&shown, (RIGHT + 12.0, y), Anchor::Left, INK, 11.0);
        }
        let key = bottom + 44.0;
        canvas.mark((LEFT, key), Mark::Disc, BLUE);
        canvas.text("attack, 95 % interval", (LEFT + 8.0, key), Anchor::Left, MUTED, 11.0);
        canvas.mark((LEFT + 160.0, key), Mark::Ring, MUTED);
        canvas.text("the same on decoys", (LEFT + 168.0, key), Anchor::Left, MUTED, 11.0);
        canvas.text("0 = guessing, 1 = always right", (LEFT, key + 14.0), Anchor::Left, MUTED, 11.0);
    }))
}
