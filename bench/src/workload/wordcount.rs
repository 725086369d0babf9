//! `wordcount`.

use super::contender::{Contender, GLIBC, System};
use super::goal::{Figure, Goal};
use super::{InputKind, Workload};
use crate::input::reference::CheckKind;

const NAME: &str = "wordcount";
const WORDS: &str = "words_per_second";

const fn main(system: System, check: CheckKind) -> Contender {
    Contender::of(system, NAME, 0, check)
}

/// Words of a text, counted.
pub(super) const WORD_COUNT: Workload = Workload {
    name: NAME,
    description: "Linux source text cut into words, keyed by word, counted",
    rate_metric: WORDS,
    kind: InputKind::Text,
    contenders: &[
        main(System::Floor, CheckKind::WordHashSum),
        main(System::Brisk, CheckKind::FinalCounts),
        main(System::Brisk, CheckKind::UpdateSum).variant("updates", "wordcount-updates"),
        // Flink emits every update in both of its modes.
        main(System::Flink, CheckKind::UpdateSum),
        main(System::Flink, CheckKind::UpdateSum)
            .variant("batch-mode", "wordcount-batch")
            .beyond_goals(),
        main(System::Timely, CheckKind::FinalCounts),
        main(System::Timely, CheckKind::FinalCounts).variant(GLIBC, NAME).beyond_goals(),
        main(System::Timely, CheckKind::UpdateSum)
            .variant("updates", "wordcount-updates")
            .beyond_goals(),
    ],
    goals: &[
        Goal::at_least(WORDS, 2.5, Figure::new(System::Timely, WORDS)),
        Goal::at_least(WORDS, 3.0, Figure::new(System::Flink, WORDS)),
        Goal::at_least("words_per_second_updates", 2.5, Figure::new(System::Flink, WORDS)),
    ],
};
