package counts

import "testing"

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"RTSP":{"Announced":2}}`))
	f.Add([]byte(`{"RTSP":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decode(data)
		if err != nil {
			return
		}
		if _, err := c.Encode(); err != nil {
			t.Error(err)
		}
	})
}
