package protocol

import "testing"

func TestEachCodeIsOneThing(t *testing.T) {
	names, numbers := map[Code]bool{}, map[int]bool{}
	for _, r := range Codes() {
		if names[r.Code] || numbers[r.Close] {
			t.Errorf("%+v: name or number is taken twice", r)
		}
		names[r.Code], numbers[r.Close] = true, true
		if r.Code.Row() != r {
			t.Errorf("Row() of %s is %+v", r.Code, r.Code.Row())
		}
		if CloseRetries(r.Close) != r.Retry {
			t.Errorf("%s: a client that knows only %d gets retry wrong", r.Code, r.Close)
		}
		if r.HTTP < 400 || r.HTTP > 599 {
			t.Errorf("%s: %d is not the status of a failure", r.Code, r.HTTP)
		}
	}
}

func TestUnknownCodeIsInternal(t *testing.T) {
	if got := Code("not_invented_yet").Row(); got.Code != CodeInternal {
		t.Fatalf("got %+v", got)
	}
}

func TestCodesIsACopy(t *testing.T) {
	Codes()[0].HTTP = 200
	if CodeInternal.Row().HTTP != 500 || Codes()[0].HTTP != 500 {
		t.Fatal("a caller changed the table")
	}
}

func TestCloseRetries(t *testing.T) {
	for _, c := range []struct {
		number int
		want   bool
	}{
		{1000, true}, {1001, true}, {1002, false}, {1003, false}, {1005, true}, {1006, true}, {1007, false}, {1010, false},
		{1011, true}, {1015, true}, {1016, false}, {3000, false}, {3999, false}, {4000, true}, {4499, true}, {4500, false}, {4999, false}, {5000, false},
	} {
		if got := CloseRetries(c.number); got != c.want {
			t.Errorf("%d: got %v, want %v", c.number, got, c.want)
		}
	}
}
