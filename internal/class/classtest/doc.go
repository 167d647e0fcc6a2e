// Package classtest is the contract of a class, as tests, and a class in memory.
//
// To test a new class, call Run with a function that makes a Pair: the class on two units that share nothing, and
// functions that put and remove entries on the active. Run checks everything that the engine relies on: order, drains,
// overruns, snapshots, digests, idempotent writes, pruning, adoption, refusals and merging. The tests of the class
// itself then cover only what is special about it.
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
// Memory is the simplest class that meets the contract. The contract tests itself on it, and tests of the engine use it.
package classtest
