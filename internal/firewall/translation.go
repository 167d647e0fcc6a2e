package firewall

import (
	"errors"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
)

// translation is what is known of the kernel's translation of addresses in FTP.
type translation struct {
	// document is the one in force if it needs the translation, and otherwise nil.
	document *document.Document
	// isProven is set once a trial has succeeded.
	isProven bool
	// fault names the service without translation; empty if none is.
	fault string
	// problem is the last failure of a trial, so that it is logged once.
	problem string
}

// needTranslation sets the document whose FTP is to be translated.
func (f *Firewall) needTranslation(d document.Document) {
	f.translation.document = nil
	if plan.TranslatesFTP(d) {
		f.translation.document = &d
	}
}

// tryTranslation tries whether the kernel translates addresses in FTP, until it does. A module may be loaded later.
func (f *Firewall) tryTranslation() {
	t := &f.translation
	t.fault = ""
	if t.document == nil || t.isProven || f.config.TryFTP == nil {
		return
	}
	isTranslated, err := f.config.TryFTP()
	switch {
	case err != nil:
		if t.problem != err.Error() {
			t.problem = err.Error()
			f.config.Log.Error(err, "Trying the translation of FTP, trying again")
		}
		return
	case isTranslated:
		t.isProven = true
		return
	}
	t.fault = plan.DescribeUntranslated(*t.document)
	if t.problem != t.fault {
		t.problem = t.fault
		f.config.Log.Error(errors.New(t.fault), "Applied document without the translation of FTP")
	}
}
