// Package syncpolicy is the controller of SyncPolicy. It tells in the status of each policy whether it can be carried
// out and which pairs use it; carrying it out is the affair of controllers/hapair, which reads the same policies.
package syncpolicy
