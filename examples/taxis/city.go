package taxis

import (
	"encoding/json"
	"io/fs"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// fleet is how many taxis there are.
const fleet = 48

// plan is the city as page/city.json has it, which the page draws.
type plan struct {
	Width, Height            float64
	Top, Bottom, Left, Right float64      // degrees of the map's edges
	Nodes                    [][2]float64 // crossings, on the map
	Streets                  [][3]int     // from one crossing to another; the third is how wide it is
}

// city is taxis on the streets of a plan. It is for one goroutine.
type city struct {
	plan
	next  [][]int // the crossings that a street leads to, of each
	taxis []*taxi
}

type taxi struct {
	id, driver string
	seats      int
	free       bool
	changes    time.Duration // until somebody gets in or out
	from, to   int
	way, speed float64 // on the map: from the crossing behind it, and in a second
}

// position is a point on Earth, as filters read it.
type position struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// document is what is written of a taxi; the fields that are left out stay as they are.
type document struct {
	Driver  string   `json:"driver,omitempty"`
	Seats   int      `json:"seats,omitempty"`
	Free    *bool    `json:"free,omitempty"`
	At      position `json:"at"`
	Heading int      `json:"heading"` // degrees, clockwise from the right of the map
}

var drivers = []string{
	"Ada", "Bela", "Cleo", "Dario", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mara", "Nils", "Olga", "Paul", "Quinn", "Rosa", "Sami", "Tilda", "Ugo", "Vera", "Wim", "Xenia",
	"Yara", "Zeno", "Anouk", "Björn", "Carla", "Dina", "Emil", "Flora", "Gino", "Hanna", "Ivo", "Jasmin", "Karl", "Lotte", "Milo", "Nora", "Oskar", "Petra", "Rafi", "Selma", "Theo", "Ulla", "Viktor", "Zoe",
}

func newCity(random *rand.Rand) *city {
	c := &city{}
	raw, err := fs.ReadFile(Page, "city.json")
	if err == nil {
		err = json.Unmarshal(raw, &c.plan)
	}
	if err != nil {
		panic(err) // a file that is built in
	}
	c.next = make([][]int, len(c.Nodes))
	for _, s := range c.Streets {
		c.next[s[0]] = append(c.next[s[0]], s[1])
		c.next[s[1]] = append(c.next[s[1]], s[0])
	}
	for i := range fleet {
		from := random.IntN(len(c.Nodes))
		t := &taxi{id: "t" + strconv.Itoa(i+1), driver: drivers[i%len(drivers)], seats: 4 + 2*random.IntN(3), free: random.IntN(3) > 0, from: from, to: c.next[from][random.IntN(len(c.next[from]))], speed: 9 + 7*random.Float64()}
		t.way, t.changes = random.Float64()*c.length(t), pause(random)
		c.taxis = append(c.taxis, t)
	}
	return c
}

// pause is how long a taxi stays free, or taken.
func pause(random *rand.Rand) time.Duration {
	return 10*time.Second + time.Duration(random.Int64N(int64(30*time.Second)))
}

func (c *city) length(t *taxi) float64 {
	a, b := c.Nodes[t.from], c.Nodes[t.to]
	return math.Hypot(b[0]-a[0], b[1]-a[1])
}

// drive moves a taxi for some time. It reports whether somebody got in or out.
func (c *city) drive(t *taxi, d time.Duration, random *rand.Rand) (changed bool) {
	for t.way += t.speed * d.Seconds(); t.way >= c.length(t); {
		t.way -= c.length(t)
		t.from, t.to = t.to, c.turn(t, random)
	}
	if t.changes -= d; t.changes > 0 {
		return false
	}
	t.free, t.changes = !t.free, pause(random)
	return true
}

// turn returns the crossing that a taxi drives to from the one that it reaches: not back, if there is another way, and
// not out of sight.
func (c *city) turn(t *taxi, random *rand.Rand) int {
	var ways []int
	for _, n := range c.next[t.to] {
		p := c.Nodes[n]
		if n != t.from && p[0] > 0 && p[1] > 0 && p[0] < c.Width && p[1] < c.Height {
			ways = append(ways, n)
		}
	}
	if len(ways) == 0 {
		return t.from
	}
	return ways[random.IntN(len(ways))]
}

// document returns where a taxi is; whole with all that is known of it.
func (c *city) document(t *taxi, whole, changed bool) []byte {
	a, b := c.Nodes[t.from], c.Nodes[t.to]
	share := t.way / c.length(t)
	x, y := a[0]+(b[0]-a[0])*share, a[1]+(b[1]-a[1])*share
	d := document{
		At:      position{Lat: rounded(c.Top + (c.Bottom-c.Top)*y/c.Height), Lon: rounded(c.Left + (c.Right-c.Left)*x/c.Width)},
		Heading: int(math.Round(math.Atan2(b[1]-a[1], b[0]-a[0]) * 180 / math.Pi)),
	}
	if whole {
		d.Driver, d.Seats = t.driver, t.seats
	}
	if whole || changed {
		d.Free = &t.free
	}
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err) // only of types that JSON does not have
	}
	return raw
}

// rounded returns degrees to a decimetre.
func rounded(degrees float64) float64 { return math.Round(degrees*1e6) / 1e6 }
