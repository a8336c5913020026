// client: Go's net/http, and go-retryablehttp over it.
//
//	client net|retryable SCENARIO BASE N PARALLEL [X] [Y]
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	retryable "github.com/hashicorp/go-retryablehttp"
)

var (
	scenario, base string
	total          int
	parallel       int
	x, y           int
	ok             int64
	pause          time.Duration
	plain          *http.Client
	get            func(url string) (*http.Response, error)
)

func number(i int) int {
	if len(os.Args) <= i {
		return 0
	}
	n, _ := strconv.Atoi(os.Args[i])
	return n
}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = parallel
	if scenario == "waiting" || scenario == "paced" {
		t.MaxConnsPerHost = parallel
	}
	if file := os.Getenv("CA"); file != "" {
		pem, _ := os.ReadFile(file)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return t
}

func prepare(library string) {
	plain = &http.Client{Transport: transport()}
	get = plain.Get
	if library == "net" {
		return
	}
	c := retryable.NewClient()
	c.HTTPClient = plain
	c.Logger = nil
	c.RetryMax = 4
	c.RetryWaitMin = time.Millisecond
	if scenario == "timers" {
		c.RetryWaitMin = time.Duration(x) * time.Millisecond
	}
	c.RetryWaitMax = time.Hour
	get = c.Get
}

func fetch(path string) {
	res, err := get(base + path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_, err = io.ReadAll(res.Body)
	res.Body.Close()
	if err == nil && res.StatusCode == 200 {
		atomic.AddInt64(&ok, 1)
	}
}

// many runs fn for 0 .. total-1 in so many goroutines.
func many(workers int, fn func(i int)) {
	var next int64 = -1
	var all sync.WaitGroup
	for w := 0; w < workers; w++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := atomic.AddInt64(&next, 1); i < int64(total); i = atomic.AddInt64(&next, 1) {
				fn(int(i))
			}
		}()
	}
	all.Wait()
}

func beat() {
	const step = 10 * time.Millisecond
	before := time.Now()
	for {
		time.Sleep(step)
		moment := time.Now()
		if late := moment.Sub(before) - step; late > pause {
			pause = late
		}
		before = moment
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func bytes(int) { fetch("/bytes/1024") }

func hanging() time.Duration {
	for i := 0; i < x; i++ {
		go plain.Get(fmt.Sprintf("%s/hang?%d", base, i))
	}
	if x > 0 {
		res, err := plain.Get(fmt.Sprintf("%s/gate/%d", base, x))
		if err != nil {
			panic(err)
		}
		_, _ = io.ReadAll(res.Body)
		res.Body.Close()
	}
	before := cpu()
	many(parallel, bytes)
	return cpu() - before
}

func main() {
	scenario, base = os.Args[2], os.Args[3]
	total, parallel, x, y = number(4), number(5), number(6), number(7)
	prepare(os.Args[1])
	switch scenario {
	case "throughput":
		many(parallel, bytes)
	case "storm":
		many(parallel, func(i int) { fetch(fmt.Sprintf("/storm/%d?k=2", i)) })
	case "waiting":
		if y > 0 {
			go beat()
		}
		many(total, func(i int) { fetch(fmt.Sprintf("/storm/%d?k=1&after=%d", i, x)) })
	case "paced":
		began := time.Now()
		many(total, func(i int) {
			time.Sleep(time.Until(began.Add(time.Second * time.Duration(i) / time.Duration(y))))
			fetch(fmt.Sprintf("/storm/%d?k=1&after=%d", i, x))
		})
	case "timers":
		for i := 0; i < y; i++ {
			time.AfterFunc(time.Hour, func() {})
		}
		many(parallel, func(i int) {
			if parallel > 1 {
				time.Sleep(time.Duration(i) * 7 * time.Millisecond)
			}
			fetch(fmt.Sprintf("/storm/%d?k=1&ms=%d", i, x))
		})
	case "hanging":
		fmt.Printf("ok %d cpu_us %d\n", total, hanging().Microseconds())
		return
	}
	fmt.Printf("ok %d pause_us %d\n", ok, pause.Microseconds())
}
