# expect: error limit 133
import tiderace as tr


def g0(a: int) -> int:
    return a


def g1(a: int) -> int:
    return g0(a)


def g2(a: int) -> int:
    return g1(a)


def g3(a: int) -> int:
    return g2(a)


def g4(a: int) -> int:
    return g3(a)


def g5(a: int) -> int:
    return g4(a)


def g6(a: int) -> int:
    return g5(a)


def g7(a: int) -> int:
    return g6(a)


def g8(a: int) -> int:
    return g7(a)


def g9(a: int) -> int:
    return g8(a)


def g10(a: int) -> int:
    return g9(a)


def g11(a: int) -> int:
    return g10(a)


def g12(a: int) -> int:
    return g11(a)


def g13(a: int) -> int:
    return g12(a)


def g14(a: int) -> int:
    return g13(a)


def g15(a: int) -> int:
    return g14(a)


def g16(a: int) -> int:
    return g15(a)


def g17(a: int) -> int:
    return g16(a)


def g18(a: int) -> int:
    return g17(a)


def g19(a: int) -> int:
    return g18(a)


def g20(a: int) -> int:
    return g19(a)


def g21(a: int) -> int:
    return g20(a)


def g22(a: int) -> int:
    return g21(a)


def g23(a: int) -> int:
    return g22(a)


def g24(a: int) -> int:
    return g23(a)


def g25(a: int) -> int:
    return g24(a)


def g26(a: int) -> int:
    return g25(a)


def g27(a: int) -> int:
    return g26(a)


def g28(a: int) -> int:
    return g27(a)


def g29(a: int) -> int:
    return g28(a)


def g30(a: int) -> int:
    return g29(a)


def g31(a: int) -> int:
    return g30(a)


def g32(a: int) -> int:
    return g31(a)


def g33(a: int) -> int:
    return g32(a)


def g34(a: int) -> int:
    return g33(a)


def g35(a: int) -> int:
    return g34(a)


def g36(a: int) -> int:
    return g35(a)


def g37(a: int) -> int:
    return g36(a)


def g38(a: int) -> int:
    return g37(a)


def g39(a: int) -> int:
    return g38(a)


def g40(a: int) -> int:
    return g39(a)


@tr.program
def f(a: int) -> int:
    return g40(a)
