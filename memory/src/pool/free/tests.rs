use super::*;
use crate::quantity::SegmentSize;

fn check(total: u32, nodes: usize) {
    for local in 0..total {
        let node = node_of(Local(local), total, nodes).0;
        let run = run_start(node, total, nodes)..run_start(node + 1, total, nodes);
        assert!(run.contains(&local), "{local} of {total} on {nodes}: {node}, {run:?}");
    }
    assert_eq!((run_start(0, total, nodes), run_start(nodes, total, nodes)), (0, total));
}

#[test]
fn runs_cover_a_region() {
    (1..50).for_each(|total| (1..9).for_each(|nodes| check(total, nodes)));
    let most = u32::MAX - 1;
    for node in 0..8 {
        let start = run_start(node, most, 8);
        assert_eq!(node_of(Local(start), most, 8).0, node);
        assert!(node == 0 || node_of(Local(start - 1), most, 8).0 == node - 1);
    }
}

#[test]
fn the_near_node_comes_first() {
    let mut byte = 0_u8;
    let slots = Slots::new(&mut byte, SegmentSize::MIN, 0, 6);
    let mut list = FreeList::new(&slots, 3);
    let order: Vec<_> = (0..6).map(|_| list.pop(NodePlace(1), &slots).unwrap().0).collect();
    assert_eq!(order, [2, 3, 4, 5, 0, 1]);
    assert_eq!((list.pop(NodePlace(1), &slots), list.len()), (None, 0));
    order.iter().for_each(|local| list.push(slots.get(Local(*local))));
    assert_eq!(list.iter(&slots).map(|local| local.0).collect::<Vec<_>>(), [1, 0, 3, 2, 5, 4]);
}
