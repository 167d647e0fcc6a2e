package rtnetlink

import "testing"

func TestParseMAC(t *testing.T) {
	got, err := ParseMAC("02:00:5E:10:00:01")
	if err != nil || got != (MAC{2, 0, 0x5e, 0x10, 0, 1}) || got.String() != "02:00:5e:10:00:01" {
		t.Errorf("%s, %v", got, err)
	}
	for name, text := range map[string]string{
		"nothing":    "",
		"no address": "gateway",
		"eight":      "02:00:5e:10:00:01:00:00",
		"zero":       "00:00:00:00:00:00",
		"a group":    "01:00:5e:00:00:01",
	} {
		if got, err := ParseMAC(text); err == nil {
			t.Errorf("%s is taken for %s", name, got)
		}
	}
}
