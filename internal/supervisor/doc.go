// Package supervisor runs the daemons of a container whose first process is a program of hapair. It starts each daemon,
// probes it, restarts it after a pause when it ends or hangs, and ends all of them with the container. Package
// lifecycle decides; this package does. It also reaps processes whose parents have ended, as the first process of a
// container must.
package supervisor
