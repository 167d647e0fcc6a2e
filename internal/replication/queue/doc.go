// Package queue holds what changed and was not sent yet. It coalesces instead of dropping: there is at most one change
// an entry, so that a stream that is slow or stalled costs as much memory as there are entries that changed, and no
// more.
//
// A queue is of one class and for one caller at a time. It knows neither the stream nor the class, of which it is given
// the one thing that it cannot know: how two records of an entry become one.
//
// What waits is copied into slots, which are used again and again: a change allocates nothing on its way, and holds
// none of the memory that it came with. An index finds a slot by its key, and the slots are linked in their order.
package queue
