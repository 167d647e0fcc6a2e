// Package classtest tests the contract of a class, and has an implementation in memory.
//
// To test a new class, call Run with a function that returns a Pair: the class on two separate units, and functions
// that put and remove entries on the active. Run checks everything that the engine relies on: order, drains, overruns,
// snapshots, digests, idempotent writes, pruning, adoption, refusals and merging. The tests of the class itself then
// cover only its own features. They use the same Snapshot, Digest, Watch, Drain, Apply and Replicate as Run.
//
//	func TestContract(t *testing.T) {
//		classtest.Run(t, func(t *testing.T) classtest.Pair {
//			active, standby := newUnit(t), newUnit(t)
//			return classtest.Pair{
//				Active: active.Class(), Standby: standby.Class(),
//				Put:    func(i int) { active.put(example(i)) },
//				Remove: func(i int) { active.remove(example(i)) },
//			}
//		})
//	}
//
// Memory is the simplest class that meets the contract. The contract is tested with it, and tests of the engine use it.
package classtest
