// Package deploy installs hapair on the test cluster the way a user does: with images, the Helm chart and `kubectl
// apply`. The demo and the cluster tests share it, so that both follow the README.
package deploy
