// Package deploy puts hapair on the test cluster the way a user does: images, the Helm chart, `kubectl apply`. Demo and
// cluster tests share it, so that both try what the README says.
package deploy
