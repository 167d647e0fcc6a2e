package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/deploy"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

// demo holds what the scenarios need.
type demo struct {
	site   deploy.Site
	client client.WithWatch
	setup  scenario.Setup
}

func run(ctx context.Context, out io.Writer) error {
	began := time.Now()
	d, err := prepare(ctx, out)
	if err != nil {
		return err
	}
	reports, err := d.runAll(ctx)
	_, _ = fmt.Fprintln(out)
	for _, r := range reports {
		r.Print(out)
		_, _ = fmt.Fprintln(out)
	}
	if err != nil {
		return err
	}
	if err := checkReports(reports); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "All runs ended as expected, after %.0f s. The cluster is still running. Try next:\n"+
		"  bin/cluster kubectl get hapair,haunit,firewallconfiguration,syncpolicy,pods -o wide\n"+
		"  bin/cluster kubectl describe hapair %s\n"+
		"  bin/cluster exec client -- ping -c 3 192.0.2.9\n"+
		"Remove everything with: make demo-down\n", time.Since(began).Seconds(), scenario.SamplePair.Name)
	return nil
}

// prepare boots and installs everything. On a running cluster it changes only what differs.
func prepare(ctx context.Context, out io.Writer) (*demo, error) {
	site, err := deploy.Start(ctx, cluster.ProgressTo(out))
	if err != nil {
		return nil, err
	}
	k8s, err := site.Client()
	if err != nil {
		return nil, err
	}
	return &demo{site: site, client: k8s, setup: scenario.Sample(k8s)}, nil
}

// runAll runs the three scenarios. If one fails, it returns the reports of those before.
func (d *demo) runAll(ctx context.Context) ([]scenario.Report, error) {
	var reports []scenario.Report
	for _, run := range []func(context.Context) (scenario.Report, error){d.switchover, d.powerOff, d.control} {
		report, err := run(ctx)
		if err != nil {
			return reports, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func (d *demo) switchover(ctx context.Context) (scenario.Report, error) {
	if err := d.site.SetMode(ctx, d.client, scenario.SamplePair, hapairv1alpha1.SyncModeReplicate); err != nil {
		return scenario.Report{}, err
	}
	d.site.Progress("Running the switchover")
	return d.setup.Run(ctx, scenario.Scenario{Title: "Switchover: the active's pod is deleted", RemoveActive: d.deletePod})
}

func (d *demo) powerOff(ctx context.Context) (scenario.Report, error) {
	if err := d.site.SetMode(ctx, d.client, scenario.SamplePair, hapairv1alpha1.SyncModeReplicate); err != nil {
		return scenario.Report{}, err
	}
	d.site.Progress("Running the loss of power")
	var node string
	report, err := d.setup.Run(ctx, scenario.Scenario{
		Title: "Failover: the active's node loses power",
		RemoveActive: func(ctx context.Context, active *corev1.Pod) error {
			node = active.Spec.NodeName
			return d.site.Cluster.PowerOff(ctx, node)
		},
	})
	if node != "" {
		err = errors.Join(err, d.site.Cluster.PowerOn(ctx, node))
	}
	return report, err
}

func (d *demo) control(ctx context.Context) (scenario.Report, error) {
	if err := d.site.SetMode(ctx, d.client, scenario.SamplePair, hapairv1alpha1.SyncModeSkip); err != nil {
		return scenario.Report{}, err
	}
	d.site.Progress("Running the control run, without replication")
	report, err := d.setup.Run(ctx, scenario.Scenario{
		Title: "Control: the active's pod is deleted with replication switched off", RemoveActive: d.deletePod, Control: true,
	})
	return report, errors.Join(err, d.site.SetMode(ctx, d.client, scenario.SamplePair, hapairv1alpha1.SyncModeReplicate))
}

func (d *demo) deletePod(ctx context.Context, active *corev1.Pod) error {
	return d.client.Delete(ctx, active)
}

// checkReports returns an error unless the reports show what hapair promises.
func checkReports(reports []scenario.Report) error {
	var errs []error
	for i, r := range reports {
		control := i == len(reports)-1
		switch {
		case control && r.Survived:
			errs = append(errs, fmt.Errorf("%s: the connection survived, so the other runs prove nothing", r.Title))
		case !control && !r.Survived:
			errs = append(errs, fmt.Errorf("%s: the connection broke: %w", r.Title, r.Broken))
		}
	}
	return errors.Join(errs...)
}
