import time, cProfile, pstats, os
import pytest
from django.utils import timezone
from conftest import *
from orders.services import reserve
from orders.tests.factories import *
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size",[20])
def test_b(make_user,size):
    buyers=[make_user() for _ in range(50)]
    sale=new_sale(stock=1000000, per_buyer_limit=100000)
    reqs=[request_of(buyers[i%50],sale) for i in range(size)]
    reserve(requests=reqs, at=timezone.now())
    n=2000//size if size>1 else 300
    t=time.perf_counter(); c=time.process_time()
    for _ in range(n): reserve(requests=reqs, at=timezone.now())
    w=time.perf_counter()-t; c=time.process_time()-c
    print(f"\nsize {size}: {n*size/w:.0f} orders/s wall, python cpu per order {c/n/size*1e6:.0f} us")
    if size==20:
        p=cProfile.Profile(); p.enable()
        for _ in range(50): reserve(requests=reqs, at=timezone.now())
        p.disable(); pstats.Stats(p).sort_stats("cumtime").print_stats("orders/services|publishing|orders/queries|flags|bulk_create|events/events|cursor")
