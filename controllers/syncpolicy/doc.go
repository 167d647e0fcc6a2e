// Package syncpolicy is the controller of SyncPolicy. It reports in the status of each policy whether the policy is
// valid and which pairs use it.
//
// It does not put policies into force: controllers/hapair reads the same policies and does that.
// Command manager calls this package through SetupWithManager.
package syncpolicy
