package gate

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var rounds []round
	for _, n := range []float64{1, 3, 2, 5, 4} {
		rounds = append(rounds,
			round{datagrams: pairing{1000 * n, 1100 * n}, streams: pairing{n * 10e9, n * 9.8e9}, efficiency: pairing{2e9, 1e9}},
			round{
				withFirewall: true, datagrams: pairing{2000 * n, 2020 * n}, streams: pairing{n * 8e9, n * 7.8e9},
				efficiency: pairing{4e9, 3.8e9 + n*4e7},
			})
	}
	want := "" +
		"what                                  without    with  ratio    quartiles    cost           aim\n" +
		"------------------------------------  -------  ------  -----  -----------  ------  ------------\n" +
		"packets/s, plain router                333333  303030  0.909  0.909–0.909  300 ns             –\n" +
		"TCP Gbit/s, plain router                30.00   29.40  0.980  0.980–0.980                     –\n" +
		"TCP Gbit/s a processor, plain router     2.00    1.00  0.500  0.500–0.500                     –\n" +
		"packets/s, firewall                    166667  165017  0.990  0.990–0.990   60 ns  0.97 reached\n" +
		"TCP Gbit/s, firewall                    24.00   23.40  0.975  0.975–0.975           0.99 missed\n" +
		"TCP Gbit/s a processor, firewall         4.00    3.92  0.980  0.970–0.990          0.99 unclear\n"
	if got := table(rounds); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if line := rounds[1].String(); !strings.Contains(line, "2000 ns without, 2020 ns with") {
		t.Error(line)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.25: 2, 0.5: 3, 0.75: 4, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %.2f is %.0f instead of %.0f", q, got, want)
		}
	}
	if values[0] != 5 || quantile(nil, 0.5) != 0 {
		t.Error("the values were reordered, or nothing has a median")
	}
}

func TestCheck(t *testing.T) {
	err := Options{}.check()
	for _, part := range []string{"0 rounds", "streams of 0s"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not mention %s", err, part)
		}
	}
}
