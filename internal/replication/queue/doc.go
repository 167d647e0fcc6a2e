// Package queue holds the changes of one class that wait to be sent. Package sender fills it while the standby is slow.
//
// A queue merges changes instead of dropping them: it holds at most one change per entry. So its size depends on how
// many entries changed, and not on how often. Its Merge function knows how to merge two records of one entry; the queue
// knows neither the class nor the session.
//
// Changes are copied into slots, which are reused: a queue allocates nothing per change, and holds no memory of the
// caller. An index finds the slot of a key, and the slots are linked in their order of arrival.
package queue
