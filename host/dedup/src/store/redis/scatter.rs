//! Many questions as parts of one slot each, and their answers in the order of the questions.

use std::collections::BTreeMap;

use futures_util::future::{BoxFuture, FutureExt as _};
use oncegate_redis::redis::Value;
use oncegate_redis::{Answer, MOST_KEYS, Part, Server};

/// Parts that were sent, and which questions each of them asks.
pub struct Sent {
    count: usize,
    asked: Vec<(Vec<usize>, BoxFuture<'static, Answer>)>,
}

/// Sends what is asked of each item, items of one slot together. All of it is under way when this returns. `weight`
/// says for how many keys an item counts.
pub fn send<T>(
    server: &Server,
    items: &[T],
    slot: impl Fn(&T) -> u16,
    weight: impl Fn(&T) -> usize,
    part: impl Fn(&[&T]) -> Part,
) -> Sent {
    let mut slots: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        slots.entry(slot(item)).or_default().push(index);
    }
    let mut asked = Vec::new();
    for indexes in slots.into_values() {
        for chunk in chunks(indexes, |&index| items.get(index).map_or(0, &weight)) {
            let chosen: Vec<&T> = chunk.iter().filter_map(|&index| items.get(index)).collect();
            asked.push((chunk, server.ask(part(&chosen)).boxed()));
        }
    }
    Sent { count: items.len(), asked }
}

/// Runs of at most [`MOST_KEYS`] keys together, or of one item that has more.
fn chunks(indexes: Vec<usize>, weight: impl Fn(&usize) -> usize) -> Vec<Vec<usize>> {
    let (mut chunks, mut chunk, mut keys) = (Vec::new(), Vec::new(), 0);
    for index in indexes {
        let weight = weight(&index);
        if keys + weight > MOST_KEYS && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            keys = 0;
        }
        keys += weight;
        chunk.push(index);
    }
    chunks.push(chunk);
    chunks
}

impl Sent {
    /// Waits for all answers: one for each item, or why there is none.
    pub async fn answers(self) -> Vec<Result<Value, String>> {
        let missing = || Err("the server gave no answer to it".to_owned());
        let mut answers: Vec<_> = std::iter::repeat_with(missing).take(self.count).collect();
        for (indexes, asked) in self.asked {
            let (mut values, why) = match asked.await {
                Ok(values) => (values.into_iter(), None),
                Err(why) => (Vec::new().into_iter(), Some(why)),
            };
            for index in indexes {
                let Some(place) = answers.get_mut(index) else { continue };
                match (values.next(), &why) {
                    (Some(value), _) => *place = Ok(value),
                    (None, Some(why)) => *place = Err(why.clone()),
                    (None, None) => {}
                }
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_an_item_is_never_split() {
        let sizes = |weights: &[usize]| -> Vec<usize> {
            let indexes = (0..weights.len()).collect();
            chunks(indexes, |&index| weights[index]).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(&[1; 300]), [128, 128, 44]);
        assert_eq!(sizes(&[100, 28, 1]), [2, 1]);
        assert_eq!(sizes(&[5000, 1]), [1, 1]);
        assert_eq!(sizes(&[1, 5000, 1]), [1, 1, 1]);
    }
}
