package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// kernelHelper is what the kernel has for a helper of the document and a protocol.
type kernelHelper struct {
	helper   document.Helper
	protocol document.Protocol
	object   ruleset.Helper
	label    contract.Label
	// modules are the kernel modules of the helper and of its address translation.
	modules string
}

var kernelHelpers = []kernelHelper{
	{
		document.HelperFTP, document.TCP,
		ruleset.Helper{Name: "ftp.tcp", Type: "ftp", Protocol: ruleset.TCP},
		contract.LabelFTP, "nf_conntrack_ftp and nf_nat_ftp",
	},
	{
		document.HelperSIP, document.UDP,
		ruleset.Helper{Name: "sip.udp", Type: "sip", Protocol: ruleset.UDP},
		contract.LabelVoIP, "nf_conntrack_sip and nf_nat_sip",
	},
	{
		document.HelperSIP, document.TCP,
		ruleset.Helper{Name: "sip.tcp", Type: "sip", Protocol: ruleset.TCP},
		contract.LabelVoIP, "nf_conntrack_sip and nf_nat_sip",
	},
	{
		document.HelperH323, document.TCP,
		ruleset.Helper{Name: "h323.tcp", Type: "Q.931", Protocol: ruleset.TCP},
		contract.LabelVoIP, "nf_conntrack_h323 and nf_nat_h323",
	},
	{
		document.HelperH323, document.UDP,
		ruleset.Helper{Name: "h323.udp", Type: "RAS", Protocol: ruleset.UDP},
		contract.LabelVoIP, "nf_conntrack_h323 and nf_nat_h323",
	},
}

// Names of the chains about helpers.
const (
	// chainHelpers attaches the helpers of all services.
	chainHelpers = "helpers"
	// chainRelated accepts connections that a helper announced.
	chainRelated = "related"
)

// addRelated adds the chain for related connections. It labels those that a helper announced, because nothing else in
// the kernel's entry tells which helper that was. It does so for all helpers: a control connection keeps a helper that
// the document no longer has.
func (c *compiler) addRelated() {
	var rules []ruleset.Rule
	if needsLengths(c.document) {
		rules = append(rules, ruleset.Rule{ruleset.AnnouncedBy{Type: lengths.Type}, ruleset.Drop{}})
	}
	for _, h := range contract.HelperLabels() {
		rules = append(rules, ruleset.Rule{ruleset.AnnouncedBy{Type: h.Helper}, ruleset.LabelConnection{Label: h.Label}})
	}
	c.addChain(chainRelated, append(rules, ruleset.Rule{ruleset.Accept{}})...)
}

// addHelpers adds the helpers of all services, and the chain that attaches them for policies without services.
func (c *compiler) addHelpers() {
	rules := c.helperRules(chainHelpers, c.document.Services)
	c.hasHelpers = len(rules) > 0
	for _, h := range kernelHelpers {
		if slices.ContainsFunc(c.document.Services, h.reads) {
			c.result.Helpers = append(c.result.Helpers, h.object)
		}
	}
	if needsLengths(c.document) {
		c.result.Helpers = append(c.result.Helpers, lengths)
	}
	if c.hasHelpers {
		c.addChain(chainHelpers, rules...)
	}
}

// attachments returns the rules that attach helpers to the connections that a policy accepts. A policy that names no
// services accepts those of all of them.
//
// A helper must be attached to a connection's first packet. That passes the policy before the kernel confirms it.
func (c *compiler) attachments(p document.Policy) []ruleset.Rule {
	if !c.hasHelpers {
		return nil
	}
	if len(p.Services) == 0 {
		return []ruleset.Rule{{ruleset.Jump{Chain: chainHelpers}}}
	}
	services := make([]document.Service, 0, len(p.Services))
	for _, name := range p.Services {
		services = append(services, c.services[name])
	}
	return c.helperRules(policyChain(p.Name), services)
}

// helperRules returns the rules that attach the helpers of services, and label the connections. The label alone sends
// segments to a gateway.
func (c *compiler) helperRules(owner string, services []document.Service) (rules []ruleset.Rule) {
	add := func(name string, protocol ruleset.Protocol, reads func(document.Service) bool, attach ...ruleset.Expression) {
		var read []document.Service
		for _, s := range services {
			if reads(s) {
				read = append(read, s)
			}
		}
		if len(read) == 0 {
			return
		}
		for _, ports := range c.portMatches(owner+"."+name, read, 1) {
			rules = append(rules, slices.Concat(ruleset.Rule{protocol}, ports, attach))
		}
	}
	for _, h := range kernelHelpers {
		add(h.object.Type, h.object.Protocol, h.reads,
			ruleset.SetHelper{Helper: h.object.Name}, ruleset.LabelConnection{Label: h.label})
	}
	for _, g := range Gateways() {
		if g.resizes && needsLengths(c.document) {
			add(string(g.Helper), ruleset.TCP, g.reads, ruleset.SetHelper{Helper: lengths.Name})
		}
		add(string(g.Helper), ruleset.TCP, g.reads, ruleset.LabelConnection{Label: g.label})
	}
	return rules
}

// reads reports whether the helper reads the connections of a service.
func (h kernelHelper) reads(s document.Service) bool {
	return s.ActiveHelper() == h.helper && s.Protocol == h.protocol
}

// DescribeUnavailable returns which service of a document works without its application gateway, why, and what to do;
// empty if the document does not use the gateway.
func DescribeUnavailable(d document.Document, g Gateway, why string) string {
	i := slices.IndexFunc(d.Services, g.reads)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("spec.services[%d].helper: the application gateway %s is unavailable, so that connections of "+
		"service %q pass unread and what they announce needs policies: %s, or set the helper to None",
		i, g.Helper, d.Services[i].Name, why)
}

// TranslatesFTP reports whether connections of FTP may be translated in a document.
func TranslatesFTP(d document.Document) bool {
	return translates(d) && slices.ContainsFunc(d.Services, isFTP)
}

// translates reports whether a document translates addresses.
func translates(d document.Document) bool { return len(d.SourceNAT)+len(d.DestinationNAT) > 0 }

func isFTP(s document.Service) bool { return s.ActiveHelper() == document.HelperFTP }

// DescribeUntranslated returns which service of a document has FTP that the kernel does not translate, and what to do.
func DescribeUntranslated(d document.Document) string {
	i := slices.IndexFunc(d.Services, isFTP)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("spec.services[%d].helper: the kernel of the node does not translate the addresses in FTP, so "+
		"that data connections of service %q through NAT fail; load the module nf_nat_ftp on the node, or set the "+
		"helper to None", i, d.Services[i].Name)
}

func isSQLNet(s document.Service) bool { return s.ActiveHelper() == document.HelperSQLNet }

// DescribeMissing returns which services of a document work without their helpers, because the kernel does not have
// those, and what to do; empty if nothing is missing.
func DescribeMissing(d document.Document, missing []ruleset.Helper) string {
	var faults []string
	for _, h := range kernelHelpers {
		if !slices.Contains(missing, h.object) {
			continue
		}
		i := slices.IndexFunc(d.Services, h.reads)
		if i < 0 {
			continue
		}
		faults = append(faults, fmt.Sprintf("spec.services[%d].helper: the kernel of the node has no connection tracking "+
			"helper %q, so that data connections of service %q are dropped; load the modules %s on the node, or set the "+
			"helper to None", i, h.object.Type, d.Services[i].Name, h.modules))
	}
	// Redirects are translated with the destination of the control connection.
	i := slices.IndexFunc(d.Services, isSQLNet)
	if i >= 0 && len(d.DestinationNAT) > 0 && slices.Contains(missing, lengths) {
		faults = append(faults, fmt.Sprintf("spec.services[%d].helper: the kernel of the node has no connection tracking "+
			"helper %q, so that redirects of service %q through destination NAT are refused if the translated address is "+
			"longer; load the module nf_conntrack_sane on the node, or set the helper to None",
			i, lengths.Type, d.Services[i].Name))
	}
	return strings.Join(faults, "; ")
}
